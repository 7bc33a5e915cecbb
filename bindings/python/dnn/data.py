"""Data: datasets of (input, target) pairs, views of them, and the loader that cuts them into batches."""
import ctypes
import itertools

import numpy as np

from . import _abi as abi
from . import _library, errors
from ._handle import Handle, Lender, created
from ._library import lib
from ._progress import progress as progress_struct
from ._structs import Spec, asked, describe, enum, record
from .context import default_context
from .layer import put, view
from .module import c_array
from .tensors import Tensor, as_array, as_tensor, dims_array
from .views import Views, metadata

_sources = {}  # id: (the function that makes samples, the one that names them or None)
_ids = itertools.count(1)


@_library.callback(_library.field_type(abi.dnn_callback_dataset_desc, "get"))
def _get(user, index, epoch, input, target):
    made = _sources[user][0](index, epoch)
    wanted = [view(array.contents, False) for array in (input, target) if array and array.contents.dtype]
    values = [as_array(value) for value in (made if len(wanted) == 2 else [made])]
    put(wanted, values, "input and target" if len(wanted) == 2 else "input")


@_library.callback(_library.field_type(abi.dnn_callback_dataset_desc, "name"))
def _name(user, index, text, bytes):
    name = str(_sources[user][1](index)).encode()[:bytes - 1].decode(errors="ignore").encode()
    ctypes.memmove(text, name + b"\0", len(name) + 1)


@_library.callback(_library.field_type(abi.dnn_callback_dataset_desc, "release"))
def _release_source(user):
    _sources.pop(user, None)


def stack(parts, what):
    """One array of all; they must be alike."""
    arrays = [as_array(part) for part in parts]
    for i, array in enumerate(arrays):
        if array.shape != arrays[0].shape or array.dtype != arrays[0].dtype:
            raise errors.ShapeError(f"{what} {i} is {array.dtype} {list(array.shape)}, {what} 0 {arrays[0].dtype} "
                                    f"{list(arrays[0].shape)}")
    return np.stack(arrays)


class Dataset(Views, Handle):
    """A number of samples, each an (input, target) pair of fixed shapes and dtypes. Only pairs can be picked, split or
    shuffled. Datasets come from arrays, from sequences, from any iterable, from functions; dnn.digits() draws one.
    Those that others are made from may be released: they stay alive in the library."""

    _release = lib.dnn_dataset_release

    @classmethod
    def from_arrays(cls, inputs, targets=None, *, class_names=None, range=None, ctx=None):
        """Sample i is (inputs[i], targets[i]). The memory of arrays is shared, where dnn.tensor() can share it.
        class_names, range: as with_metadata() takes them."""
        owner = next((t.ctx for t in (inputs, targets) if isinstance(t, Tensor)), None)
        ctx = ctx or owner or default_context()
        tensors = [as_tensor(inputs, ctx), None if targets is None else as_tensor(targets, ctx)]
        dataset = cls(created(lib.dnn_dataset_from_tensors, *tensors), ctx)
        known = class_names is not None or range is not None
        return dataset.with_metadata(class_names, range=range) if known else dataset

    @classmethod
    def from_function(cls, get, count, input, target=None, *, name=None, class_names=None, range=None,
                      thread_safe=False, ctx=None):
        """Samples that get(index, epoch) makes: a pair of arrays, or one array if `target` is None. `input` and
        `target` are shapes, or dnn.Spec with a dtype. name(index): a sample's name. class_names, range: as
        with_metadata() takes them. thread_safe: several of a loader's threads may be in get, or name, at once."""
        ctx = ctx or default_context()
        desc = describe(abi.dnn_callback_dataset_desc, count=count, thread_safe=thread_safe,
                        **metadata(class_names, range))
        desc.input = c_array(input if isinstance(input, Spec) else Spec(input))
        if target is not None:
            desc.target = c_array(target if isinstance(target, Spec) else Spec(target))
        for array in (desc.input, desc.target):
            if array.dtype == abi.dnn_dtype.DNN_BF16:
                raise errors.DTypeError("NumPy has no bfloat16: samples of a function cannot have it")
        desc.get, desc.release, desc.user = _get, _release_source, next(_ids)
        if name is not None:
            desc.name = _name
        _sources[desc.user] = get, name
        try:
            return cls(created(lib.dnn_dataset_from_callbacks, ctx, ctypes.byref(desc)), ctx)
        except BaseException:
            _sources.pop(desc.user, None)
            raise

    @classmethod
    def from_sequence(cls, sequence, *, name=None, class_names=None, range=None, thread_safe=False, ctx=None):
        """Samples sequence[i] of anything with len() and [], each a pair (input, target), or an input alone. The first
        one says the shapes and dtypes. Samples are made when they are read. The rest as from_function() takes it."""
        if len(sequence) == 0:
            raise errors.ArgumentError("an empty sequence says no shapes: use Dataset.from_function")
        first = sequence[0]
        pair = isinstance(first, tuple) and len(first) == 2
        arrays = [as_array(part) for part in (first if pair else (first,))]
        specs = [Spec(array.shape, array.dtype) for array in arrays]
        return cls.from_function(lambda index, epoch: sequence[index], len(sequence), *specs, name=name,
                                 class_names=class_names, range=range, thread_safe=thread_safe, ctx=ctx)

    @classmethod
    def from_iterable(cls, iterable, count=None, *, class_names=None, range=None, ctx=None):
        """Samples of anything that can be gone through once, a generator say: each a pair (input, target), or an input
        alone. They are taken now, all or the first `count`, and kept as arrays."""
        samples = list(itertools.islice(iterable, count))
        if not samples or len(samples) < (count or 0):
            raise errors.ArgumentError(f"{len(samples)} samples came, {count or 'at least 1'} are wanted")
        pairs = [sample if isinstance(sample, tuple) and len(sample) == 2 else (sample, None) for sample in samples]
        inputs = stack([input for input, _ in pairs], "input")
        targets = None if pairs[0][1] is None else stack([target for _, target in pairs], "target")
        return cls.from_arrays(inputs, targets, class_names=class_names, range=range, ctx=ctx)

    # ---- questions, and reading by hand

    def __len__(self):
        return lib.dnn_dataset_count(self)

    @property
    def item(self):
        """What one sample is: .input and .target, each a dnn.Spec (target None: there is none)."""
        return record(asked(abi.dnn_item_info, lib.dnn_dataset_item, self))

    @property
    def class_names(self):
        """The classes' names; None where a class has none. Empty: it is unknown how many there are."""
        names = [lib.dnn_dataset_class_name(self, k) for k in range(lib.dnn_dataset_classes(self))]
        return [None if name is None else name.decode(errors="replace") for name in names]

    @property
    def range(self):
        """(low, high), as declared for the inputs' values, or None."""
        low, high = ctypes.c_double(), ctypes.c_double()
        lib.dnn_dataset_range(self, ctypes.byref(low), ctypes.byref(high))
        return (low.value, high.value) if low.value < high.value else None

    def sample_name(self, index):
        """A file's path, "row 17", "sample 17": what the source calls it."""
        text = ctypes.create_string_buffer(4096)
        lib.dnn_dataset_sample_name(self, index, text, len(text))
        return text.value.decode(errors="replace")

    def source_index(self, index):
        """The sample's number at the far end of all views, where it is held or made."""
        number = lib.dnn_dataset_source_index(self, index)
        if number < 0:
            raise _library.failure()
        return number

    def hash(self, progress=None):
        """A number that is the same for the same samples in the same order, on every machine."""
        number, struct = ctypes.c_uint64(), progress_struct(progress)
        lib.dnn_dataset_hash(ctypes.byref(number), self, ctypes.byref(struct))
        return number.value

    def targets(self, first=0, count=None):
        """The targets alone, as one NumPy array; where that can be, inputs are not read."""
        count = len(self) - first if count is None else count
        return Tensor(created(lib.dnn_dataset_get_targets, self, first, count), self.ctx).numpy()

    def get(self, indices):
        """The samples of these indices as a batch: (inputs, targets), new tensors; targets is None if there are
        none."""
        indices = list(indices)
        return self._read(lib.dnn_dataset_get, dims_array(indices), len(indices))

    def __getitem__(self, index):
        """ds[i]: one sample, ds[a:b]: a batch; (input, target) as NumPy arrays, target None if there is none."""
        if isinstance(index, slice):
            first, last, step = index.indices(len(self))
            if step != 1:
                return tuple(None if t is None else t.numpy() for t in self.get(range(first, last, step)))
            read = self._read(lib.dnn_dataset_get_range, first, max(last - first, 0))
            return tuple(None if t is None else t.numpy() for t in read)
        try:
            index = range(len(self))[index]
        except IndexError:
            raise IndexError(f"sample {index} of {len(self)}") from None  # which ends a `for` over the dataset
        return tuple(None if t is None else t.numpy()[0] for t in self._read(lib.dnn_dataset_get_range, index, 1))

    def _read(self, function, *arguments):
        inputs, targets = ctypes.c_void_p(), ctypes.c_void_p()
        function(ctypes.byref(inputs), ctypes.byref(targets), self, *arguments)
        return tuple(Tensor(t.value, self.ctx) if t.value else None for t in (inputs, targets))


def dataset(data, targets=None, **options):
    """A dataset of whatever there is: arrays (inputs and targets), anything with len() and [], anything that can be
    iterated; a Dataset is returned as it is. Options are those of Dataset.from_arrays, from_sequence, from_iterable."""
    if isinstance(data, Dataset):
        return data
    if targets is not None or isinstance(data, (np.ndarray, Tensor)):
        return Dataset.from_arrays(data, targets, **options)
    if hasattr(data, "__len__") and hasattr(data, "__getitem__"):
        return Dataset.from_sequence(data, **options)
    return Dataset.from_iterable(data, **options)


def digits(count=None, *, first=None, seed=None, image_size=None, ctx=None):
    """Digits drawn by code, in the manner of handwriting: float32 images (28, 28, 1), ink 1 on 0, and int64 labels.
    Digit number i, from `first` on, is a function of (seed, i, image_size) alone. Default: 10000 of them."""
    ctx = ctx or default_context()
    desc = describe(abi.dnn_digits_desc, count=count, first=first, seed=seed, image_size=image_size)
    return Dataset(created(lib.dnn_digits, ctx, ctypes.byref(desc)), ctx)


class Loader(Handle, Lender):
    """Batches of a dataset. `for x, target in loader` is one epoch; the next `for` is the next epoch, also after one
    that was left early. Batches are lent until the next one.

    shuffle: a new order every epoch, a function of (seed, epoch). last: "keep" or "drop" what does not fill a batch.
    prefetch: batches read ahead by `workers` threads (default 2 and 1); 0: none, batches are read when asked for.
    """

    _release = lib.dnn_loader_release
    _lends_until = "the loader's next batch"

    def __init__(self, dataset, batch_size, *, shuffle=False, last=None, seed=None, prefetch=None, workers=None):
        desc = describe(abi.dnn_loader_desc, batch_size=batch_size, shuffle=shuffle, seed=seed, workers=workers,
                        last_batch=enum(abi.dnn_last_batch, last),
                        prefetch=abi.DNN_NO_PREFETCH if prefetch == 0 else prefetch)
        super().__init__(created(lib.dnn_loader_create, dataset, ctypes.byref(desc)), dataset.ctx)
        self._goes_on = True  # the place where it stands is where the next `for` begins

    def __len__(self):
        """The batches of one epoch."""
        return lib.dnn_loader_batches(self)

    def __iter__(self):
        if not self._goes_on:
            self.seek(self.epoch + 1)
        self._goes_on = False
        while True:
            batch = self.next()
            if batch is None:
                return
            yield batch

    def next(self):
        """The next batch (x, target), target None if there are none; None at the end of an epoch."""
        x, target = ctypes.c_void_p(), ctypes.c_void_p()
        lease = self._new_lease()
        status = lib.dnn_loader_next(self, ctypes.byref(x), ctypes.byref(target))
        if status == abi.dnn_status.DNN_END:
            self._goes_on = True
            return None
        return tuple(Tensor._lent(t.value, self.ctx, lease=lease) for t in (x, target))

    @property
    def epoch(self):
        return self.position[0]

    @property
    def position(self):
        """(epoch, batch): what comes next. Kept with a checkpoint, it is where training goes on, by seek()."""
        place = asked(abi.dnn_loader_place, lib.dnn_loader_position, self)
        return place.epoch, place.batch

    def seek(self, epoch, batch=0):
        """Goes to a place; the next `for` begins there."""
        lib.dnn_loader_seek(self, ctypes.byref(describe(abi.dnn_loader_place, epoch=epoch, batch=batch)))
        self._end_lease()
        self._goes_on = True
