"""Preflight: what is wrong with a run, before it costs an hour.

    report = dnn.preflight(net, loss, opt, train)
    print(report)
    report.worst == "error"
"""
import ctypes
import os

from . import _abi as abi
from . import _library
from ._handle import created
from ._library import lib
from ._progress import progress as _progress
from ._structs import describe
from .report import Report

_SKIPS = {skip.name[len("DNN_PREFLIGHT_NO_"):].lower(): skip for skip in abi.dnn_preflight_skip}


_log = _library.field_type(abi.dnn_preflight_desc, "log")


def _desc(validation=None, batch_size=None, low=None, high=None, statistics=None, augments=None, frozen=None,
          memory_budget=None, epochs=None, folder=None, log=None, seed=None, skip=(), progress=None):
    desc = describe(abi.dnn_preflight_desc, validation=validation, batch_size=batch_size, low=low, high=high,
                    statistics=statistics, augments=augments, frozen=frozen, memory_budget=memory_budget,
                    epochs=epochs, folder=None if folder is None else os.fsdecode(folder), seed=seed,
                    skip=sum(_SKIPS[s] for s in set(skip)))
    desc.progress = _progress(progress)
    if log is not None:
        desc.log = _library.callback(_log)(lambda user, step, loss: log(step, loss))
    return desc


def _run(function, module, *parts, **settings):
    desc = _desc(**settings)
    return Report(created(function, module, *parts, ctypes.byref(desc)), module.ctx)


def preflight(module, loss, optimizer, dataset, **settings):
    """Tries a module, its loss, its optimizer and its data out, on copies, and reports what is wrong: a Report.
    Everything is left as it was.

    Settings, of all functions here: validation: the dataset that the run is validated on. batch_size (64). low, high:
    between which the model wants its inputs (default: what the dataset declares). statistics: by which inputs are to be
    standardised. augments: True if the dataset is meant to draw its samples anew in each epoch. frozen: a pattern of
    what is meant to be frozen. memory_budget: bytes that the run may take. epochs: of the run, for its hours. folder:
    where the run will keep its checkpoints: the rehearsal saves, loads and resumes one there. log: a function of (step,
    loss), called by the rehearsal. seed. skip: any of "structure", "data", "first_loss", "gradients", "overfit",
    "baselines", "memory", "rehearsal". progress: a function of (what, done, total), which ends it by raising.
    """
    return _run(lib.dnn_preflight, module, loss, optimizer, dataset, **settings)


def preflight_data(module, dataset, **settings):
    """What the module gets: dnn.look's findings, ranges, scales, whether epochs differ."""
    return _run(lib.dnn_preflight_data, module, dataset, **settings)


def preflight_first_loss(module, loss, dataset, **settings):
    """The first loss against ln K, or the targets' variance, and what goes with it."""
    return _run(lib.dnn_preflight_first_loss, module, loss, dataset, **settings)


def preflight_gradients(module, loss, dataset, **settings):
    """The gradient check on a few derivatives of each tensor."""
    return _run(lib.dnn_preflight_gradients, module, loss, dataset, **settings)


def preflight_memory(module, optimizer, dataset, **settings):
    """The memory that the run will take, computed from the plan."""
    return _run(lib.dnn_preflight_memory, module, optimizer, dataset, **settings)


def preflight_overfit(module, loss, optimizer, dataset, **settings):
    """Whether one sample, a batch and a small set can be learnt by heart."""
    return _run(lib.dnn_preflight_overfit, module, loss, optimizer, dataset, **settings)


def preflight_baselines(module, loss, optimizer, dataset, **settings):
    """A short training beside what comes without the network, or without its input."""
    return _run(lib.dnn_preflight_baselines, module, loss, optimizer, dataset, **settings)


def preflight_rehearsal(module, loss, optimizer, dataset, **settings):
    """Steps, validation, log, a checkpoint saved, loaded and resumed; and what the whole run will take."""
    return _run(lib.dnn_preflight_rehearsal, module, loss, optimizer, dataset, **settings)
