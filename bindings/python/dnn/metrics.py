"""Metrics: how good predictions are, gathered batch by batch."""
import ctypes

from . import _abi as abi
from ._handle import Handle, created
from ._library import lib
from ._structs import describe
from .context import default_context
from .report import Report
from .tensors import Tensor, as_tensor


class Metrics(Handle):
    """Made by dnn.metrics(classes=10), or dnn.metrics() for numbers.

        for x, target in loader:
            metrics.add(predictor(x), target)
        metrics["accuracy"]
        print(metrics.report())
    """

    _release = lib.dnn_metrics_release

    def __init__(self, address, ctx, classes):
        super().__init__(address, ctx)
        self.classes = classes

    def add(self, y, target):
        """Adds a batch: scores (N, …, classes) and class numbers (N, …), or numbers of one shape."""
        lib.dnn_metrics_add(self, as_tensor(y, self.ctx), as_tensor(target, self.ctx))

    def reset(self):
        lib.dnn_metrics_reset(self)

    def __getitem__(self, name):
        """One metric, by the names of include/dnn/metrics.h: "accuracy", "f1", "r2". NaN where it is not defined."""
        value = ctypes.c_double()
        lib.dnn_metrics_get(self, name.encode(), ctypes.byref(value))
        return value.value

    def per_class(self, name):
        """"precision", "recall", "f1", "iou" or "auc" of each class."""
        values = (ctypes.c_double * max(self.classes, 1))()
        lib.dnn_metrics_per_class(self, name.encode(), values, self.classes)
        return list(values)

    @property
    def confusion(self):
        """confusion[i, j]: rows of class i that were taken for j. It goes on counting; None for numbers."""
        return Tensor._lent(lib.dnn_metrics_confusion(self), self.ctx)

    def report(self):
        """All of it as figures, with a table of the classes."""
        return Report(created(lib.dnn_metrics_report, self), self.ctx)


def metrics(classes=None, *, names=None, k=None, bins=None, auc=False, probabilities=False, ignore_index=None, ctx=None):
    """Metrics of classes, with their names if given, or of numbers. auc=True keeps all scores."""
    ctx = ctx or default_context()
    desc = describe(abi.dnn_metrics_desc, classes=classes, names=names, k=k, bins=bins, auc=auc,
                    probabilities=probabilities, has_ignore_index=ignore_index is not None, ignore_index=ignore_index)
    return Metrics(created(lib.dnn_metrics_create, ctx, ctypes.byref(desc)), ctx, classes or 0)


def quartiles(values, *, ctx=None):
    """The indices of the samples whose values are the least, at the quartiles, and the greatest."""
    values = list(values)
    index = (ctypes.c_int64 * 5)()
    lib.dnn_quartiles(ctx or default_context(), (ctypes.c_double * len(values))(*values), len(values), index)
    return list(index)
