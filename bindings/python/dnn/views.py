"""Views: datasets that choose from others, or change their samples, when they are read. include/dnn/views.h has the
details. The methods are Dataset's."""
import ctypes
import itertools

import numpy as np

from . import _abi as abi
from . import _library, errors
from ._handle import addresses, created
from ._library import lib
from ._progress import progress as progress_struct
from ._structs import Spec, describe, enum, sequence
from .layer import put, view
from .module import c_array
from .tensors import as_array, dims_array
from .transform import text_of

_maps = {}  # id: (function, whether it is told index and epoch)
_ids = itertools.count(1)


def metadata(class_names, range, classes=None):
    """The fields of a descriptor; None of what is not known."""
    low, high = (None, None) if range is None else range
    names = None if class_names is None else [str(name) for name in class_names]
    return dict(class_names=names, classes=classes if names is None else len(names), low=low, high=high)


def lent(arrays):
    """Copies of arrays that are lent for a call; None where there is none."""
    views = [view(array.contents, True) if array else None for array in arrays]
    return [None if v is None else v.copy() for v in views]


@_library.callback(_library.field_type(abi.dnn_map_desc, "map"))
def _map(user, index, epoch, from_input, from_target, input, target):
    function, indexed = _maps[user]
    given = [array for array in lent((from_input, from_target)) if array is not None]
    made = function(index, epoch, *given) if indexed else function(*given)
    wanted = [view(array.contents, False) for array in (input, target) if array and array.contents.dtype]
    values = [as_array(value) for value in (made if len(wanted) == 2 else [made])]
    put(wanted, values, "input and target" if len(wanted) == 2 else "input")


@_library.callback(_library.field_type(abi.dnn_map_desc, "release"))
def _release_map(user):
    _maps.pop(user, None)


def chooser(function):
    """The C callback for a function(input, target) that says whether a sample stays."""

    @_library.callback(_library.field_type(abi.dnn_filter_desc, "choose"))
    def choose(user, index, input, target, keep):
        keep[0] = bool(function(*lent((input, target))))

    return choose


def int64s(numbers):
    """An int64 array; what loses its value in it is an error."""
    array = np.asarray(numbers)
    return np.ascontiguousarray(array.astype(np.int64, casting="safe" if array.size else "unsafe"))


class Views:
    """What Dataset knows how to make of itself."""

    def _view(self, function, *arguments):
        return type(self)(created(function, *arguments), self.ctx)

    # ---- choosing

    def split(self, fraction=None, *, count=None, stratified=False, groups=None, seed=None):
        """Two parts at random, the first with that fraction, or count, of the samples. stratified: each class has its
        share of both. groups: a number for each sample; those with the same number stay together."""
        desc = describe(abi.dnn_split_desc, fraction=fraction, count=count, seed=seed, stratified=stratified)
        if groups is not None:
            numbers = int64s(groups)
            desc.groups, desc.n_groups = numbers.ctypes.data_as(ctypes.POINTER(ctypes.c_int64)), numbers.size
        first, second = ctypes.c_void_p(), ctypes.c_void_p()
        lib.dnn_dataset_split(ctypes.byref(first), ctypes.byref(second), self, ctypes.byref(desc))
        return type(self)(first.value, self.ctx), type(self)(second.value, self.ctx)

    def subset(self, indices):
        """The samples of these indices, in that order."""
        indices = list(indices)
        return self._view(lib.dnn_dataset_subset, self, dims_array(indices), len(indices))

    def first(self, count):
        """The first `count` samples."""
        return self._view(lib.dnn_dataset_first, self, count)

    def filter(self, choose, *, targets_only=False, progress=None):
        """The samples for which choose(input, target) is true, asked once, now. targets_only: inputs are None, and are
        not read where that can be avoided. progress(what, done, total) may raise to stop."""
        desc = describe(abi.dnn_filter_desc, targets_only=targets_only)
        desc.choose, desc.progress = chooser(choose), progress_struct(progress)
        return self._view(lib.dnn_dataset_filter, self, ctypes.byref(desc))

    def concat(self, *others):
        """The samples of this dataset, then those of the others. So does a + b."""
        sources = [self, *others]
        return self._view(lib.dnn_dataset_concat, addresses(sources), len(sources))

    def __add__(self, other):
        return self.concat(other) if isinstance(other, Views) else NotImplemented

    def balance(self, per_class=None, *, seed=None):
        """Every class equally often: per_class samples of each (default: as many as the largest has), drawn anew in
        every epoch."""
        desc = describe(abi.dnn_balance_desc, per_class=per_class, seed=seed)
        return self._view(lib.dnn_dataset_balance, self, ctypes.byref(desc))

    # ---- changing

    def map(self, function, *, input=None, target=None, indexed=False, range=None, thread_safe=False):
        """Samples that function(input, target) makes of these, when they are read: a pair, or an input alone where
        there are no targets. `input`, `target`: shapes, or dnn.Spec, of what it makes, where that is not as before. indexed:
        it is called with (index, epoch, input, target), to draw from. range: (low, high) of the new inputs' values."""
        low, high = (None, None) if range is None else range
        desc = describe(abi.dnn_map_desc, low=low, high=high, thread_safe=thread_safe)
        for name, spec in (("input", input), ("target", target)):
            if spec is not None:
                setattr(desc, name, c_array(spec if isinstance(spec, Spec) else Spec(spec)))
        desc.map, desc.release, desc.user = _map, _release_map, next(_ids)
        _maps[desc.user] = function, indexed
        try:
            return self._view(lib.dnn_dataset_map, self, ctypes.byref(desc))
        except BaseException:
            _maps.pop(desc.user, None)
            raise

    def windows(self, window, *, stride=None, cover=False, target=None):
        """Windows (height, width), or of so many steps, cut out of each sample. stride: between them (default: the
        window). cover: the rest at the end gets one more. target: "whole" (default), "dense": cut likewise, "centre": the one
        place in the middle."""
        desc = describe(abi.dnn_windows_desc, window=window, stride=stride, cover=cover,
                        target=enum(abi.dnn_window_target, target))
        return self._view(lib.dnn_dataset_windows, self, ctypes.byref(desc))

    def mix(self, *, mixup=None, cutmix=None, probability=None, classes=None, seed=None):
        """Samples mixed with others, shares drawn from Beta(mixup, mixup), or Beta(cutmix, cutmix); class numbers
        become float32 shares of `classes`."""
        desc = describe(abi.dnn_mix_desc, mixup=mixup, cutmix=cutmix, probability=probability, classes=classes,
                        seed=seed)
        return self._view(lib.dnn_dataset_mix, self, ctypes.byref(desc))

    def transform(self, transform, *, seed=None, target=None, mask_fill=None, min_visible=None):
        """All samples, each as a dnn.transform makes it, drawn anew in every epoch. target: "plain" (the default),
        "mask" (H, W, …) or "boxes" (n, 4 or more columns: x0, y0, x1, y1, …), which move with the pixels. mask_fill:
        the mask's value where an image has no pixels. min_visible: a box of which a transform leaves less than this
        part of its area becomes 0, 0, 0, 0."""
        desc = describe(abi.dnn_transform_desc, seed=seed, target=enum(abi.dnn_target, target), mask_fill=mask_fill,
                        min_visible=min_visible)
        return self._view(lib.dnn_dataset_transform, self, transform, ctypes.byref(desc))

    def draws(self, index, epoch=0):
        """What a transform draws for a sample in an epoch, in words: "crop 4,2, flip"."""
        return text_of(lib.dnn_dataset_draws, self, index, epoch)

    def with_metadata(self, class_names=None, *, classes=None, range=None):
        """The same samples, with names of classes, or their number alone, and the range (low, high) of the inputs'
        values."""
        desc = describe(abi.dnn_metadata_desc, **metadata(class_names, range, classes))
        return self._view(lib.dnn_dataset_with_metadata, self, ctypes.byref(desc))

    # ---- sets, chosen once

    def save_sets(self, path, sets, *, progress=None):
        """Writes an index file: sets is {name: view}, each a view that only chooses samples of this dataset. With the
        hash of this dataset's samples."""
        names = (ctypes.c_char_p * len(sets))(*[name.encode() for name in sets])
        desc = describe(abi.dnn_index_desc)
        desc.progress = progress_struct(progress)
        lib.dnn_index_save(str(path).encode(), self, names, addresses(sets.values()), len(sets), ctypes.byref(desc))

    def load_set(self, path, name, *, check_hash=True, progress=None):
        """The samples of a set in an index file, which must have been written for this very data. check_hash=False:
        only the number of samples is compared."""
        desc = describe(abi.dnn_index_desc, no_hash=not check_hash)
        desc.progress = progress_struct(progress)
        return self._view(lib.dnn_index_load, str(path).encode(), self, name.encode(), ctypes.byref(desc))
