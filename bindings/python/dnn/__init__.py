"""libdnn for Python: networks are described, checked and trained by a C library; the loop is yours.

    import dnn

    net = dnn.Sequential(dnn.linear(2, 8), dnn.tanh(), dnn.linear(8, 1))
    loss, opt = dnn.mse(), dnn.adam(net, lr=0.01)
    for x, target in dnn.Loader(dataset, 32, shuffle=True):
        opt.zero_grad()
        value, dy = loss(net(x), target)
        net.backward(dy)
        opt.step()

Arrays are NumPy's, without copies where that is possible. Layouts are channels last. What fails raises a dnn.Error
whose text says what, where and with which shapes.
"""
from . import _constructors, inspect, io, see, transform
from ._abi import VERSION as __version__
from ._constructors import *
from ._library import lib as _lib
from ._structs import Spec, init
from .audit import audit
from .average import Average, average
from .check import CheckReport, check_gradients, check_loss
from .checkpoint import read_checkpoint, resume, resume_test, save_checkpoint, write_checkpoint
from .context import Context, default_context, seed
from .data import Dataset, Loader, dataset, digits
from .errors import (ArgumentError, CallbackError, DTypeError, Error, FileError, FormatError, HandleError,
                     InternalError, InvalidValueError, NotFoundError, OutOfMemoryError, ShapeError, StateError,
                     ThreadError, UnsupportedError)
from .layer import Layer, LayerSpec, custom
from .look import Summary, look, probe, sheet_of, sheet_of_draws, summarise
from .loss import Loss
from .metrics import Metrics, metrics, quartiles
from .module import Description, Graph, Module, Parameter, Predictor, Sequential, Value
from .monitor import Monitor, autopsy, monitor
from .optimizer import Optimizer
from .preflight import (preflight, preflight_baselines, preflight_data, preflight_first_loss, preflight_gradients,
                        preflight_memory, preflight_overfit, preflight_rehearsal)
from .report import Report
from .run import Run, compare_runs, progress, run_report
from .schedule import Schedule, schedule
from .search import Search, Trial, search
from .statistics import Statistics
from .tensors import Tensor, tensor, zeros
from .tune import Tuning, memory_available, tune_batch, tune_divergence, tune_range, tune_sweep
from .weights import Archive, load_tensors, save_tensors

__all__ = _constructors.__all__ + [
    "Archive", "ArgumentError", "Average", "CallbackError", "CheckReport", "Context", "DTypeError", "Dataset",
    "Description", "Error", "FileError", "FormatError", "Graph", "HandleError", "InternalError", "InvalidValueError",
    "Layer", "LayerSpec", "Loader", "Loss", "Metrics", "Module", "Monitor", "NotFoundError", "Optimizer", "OutOfMemoryError",
    "Parameter", "Predictor", "Report", "Schedule", "Sequential", "ShapeError", "Spec", "StateError", "Statistics",
    "Summary", "Tensor", "ThreadError", "Tuning", "UnsupportedError", "Value", "audit", "autopsy", "average", "check_gradients",
    "check_loss", "custom", "dataset", "default_context", "digits", "init", "inspect", "io", "library_version", "load_tensors",
    "look", "memory_available", "metrics", "monitor", "preflight", "preflight_baselines", "preflight_data",
    "preflight_first_loss", "preflight_gradients", "preflight_memory", "preflight_overfit", "preflight_rehearsal",
    "probe", "quartiles", "read_checkpoint", "resume", "resume_test", "save_checkpoint",
    "save_tensors", "schedule", "see", "seed", "sheet_of", "sheet_of_draws", "summarise", "tensor", "transform",
    "tune_batch", "tune_divergence", "tune_range", "tune_sweep",
    "write_checkpoint", "zeros",
    "Search", "Trial", "search",
    "Run", "compare_runs", "progress", "run_report",
]


def library_version():
    """The version of the C library that is loaded; __version__ is the one that this package was written for."""
    return _lib.dnn_version_string().decode()
