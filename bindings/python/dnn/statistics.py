"""Statistics of datasets, for standardising."""
import ctypes
import os

import numpy as np

from . import _abi as abi
from ._handle import Handle, created
from ._library import lib
from ._progress import progress as progress_struct
from ._structs import describe, enum
from .context import default_context
from .tensors import dims_array


def doubles(numbers, shape):
    """The numbers in that shape, for C; None is NULL."""
    if numbers is None:
        return None
    array = np.ascontiguousarray(np.broadcast_to(np.asarray(numbers, np.float64), shape))
    return (ctypes.c_double * array.size).from_buffer_copy(array) if array.size else (ctypes.c_double * 0)()


class Statistics(Handle):
    """Mean, deviation, minimum and maximum of a dataset's numbers.

        s = dnn.Statistics.fit(train)                  # of the training part alone
        net = dnn.Sequential(dnn.standardize(s), …)    # they are saved with the weights
    """

    _release = lib.dnn_statistics_release

    @classmethod
    def fit(cls, dataset, per="channel", *, targets=False, skip_nan=False, progress=None):
        """Reads a dataset once. per: "channel" (the last axis), "element", "dataset". targets: of those, not of inputs.
        skip_nan: numbers that are not finite are left out; else they are an error. progress(what, done, total) may
        raise to stop."""
        desc = describe(abi.dnn_statistics_desc, per=enum(abi.dnn_statistics_per, per), targets=targets,
                        skip_nan=skip_nan)
        desc.progress = progress_struct(progress)
        return cls(created(lib.dnn_statistics_fit, dataset, ctypes.byref(desc)), dataset.ctx)

    @classmethod
    def known(cls, mean=None, std=None, shape=None, *, ctx=None):
        """Of numbers known from elsewhere. Default: all 0, all 1, of that shape."""
        ctx = ctx or default_context()
        if shape is None:
            shape = np.broadcast_shapes(*[np.shape(numbers) for numbers in (mean, std) if numbers is not None])
        return cls(created(lib.dnn_statistics_create, ctx, len(shape), dims_array(shape), doubles(mean, shape),
                           doubles(std, shape)), ctx)

    @classmethod
    def load(cls, path, *, ctx=None):
        ctx = ctx or default_context()
        return cls(created(lib.dnn_statistics_load, ctx, os.fsencode(path)), ctx)

    def save(self, path):
        lib.dnn_statistics_save(self, os.fsencode(path))

    @property
    def shape(self):
        array = abi.dnn_array()
        lib.dnn_statistics_shape(self, ctypes.byref(array))
        return tuple(array.dims[:array.rank])

    def _numbers(self, function):
        numbers, features = function(self), lib.dnn_statistics_features(self)
        return np.array(numbers[:features], np.float64).reshape(self.shape)

    mean = property(lambda self: self._numbers(lib.dnn_statistics_mean))
    std = property(lambda self: self._numbers(lib.dnn_statistics_std), doc="√(Σ (x - mean)² / count)")
    min = property(lambda self: self._numbers(lib.dnn_statistics_min))
    max = property(lambda self: self._numbers(lib.dnn_statistics_max))
    count = property(lambda self: self._numbers(lib.dnn_statistics_count))
