"""Tuning before a run: which learning rate, which batch size. All is tried on copies: nothing of yours changes.

    report = dnn.tune_range(net, loss, opt, train)
    print(report)                             what was found, and the curve; report.pictures[0] shows it
    report.result.valley                      the suggestion: NaN rather than a guess
    dnn.tune_divergence(net, loss, opt, train).result.diverges
    dnn.tune_batch(net, loss, opt, train).result.largest
"""
import ctypes

from . import _abi as abi
from ._library import lib
from ._progress import progress as progress_struct
from ._structs import describe, record
from .report import Report


class Tuning(Report):
    """A report that also has its numbers: .result, with the fields of the struct in include/dnn/tune.h."""

    def __init__(self, address, ctx, result):
        super().__init__(address, ctx)
        self.result = result


def _run(function, desc_type, result_type, module, loss, optimizer, data, progress, **options):
    steps = progress_struct(progress)
    desc = describe(desc_type, progress=steps, **options)
    result, out = describe(result_type), ctypes.c_void_p()
    function(ctypes.byref(out), module, loss, optimizer, data, ctypes.byref(desc), ctypes.byref(result))
    return Tuning(out.value, module.ctx, record(result))


def tune_range(module, loss, optimizer, data, *, low=None, high=None, steps=None, batch_size=None, seeds=None,
               seed=None, fresh=None, smoothing=None, progress=None):
    """The learning-rate range test: one step at each of `steps` rates from low to high, in several runs. The result has
    .valley (begin with it), .steep, .minimum, .ends, .points."""
    return _run(lib.dnn_tune_range, abi.dnn_tune_range_desc, abi.dnn_tune_range_result, module, loss, optimizer, data,
                progress, low=low, high=high, steps=steps, batch_size=batch_size, seeds=seeds, seed=seed, fresh=fresh,
                smoothing=smoothing)


def tune_sweep(module, loss, optimizer, data, *, rates=None, steps=None, batch_size=None, seeds=None, seed=None,
               fresh=None, progress=None):
    """A few rates, ascending, each for so many steps from the same start. The result has .best, .first_loss,
    .best_loss, .diverged."""
    return _run(lib.dnn_tune_sweep, abi.dnn_tune_sweep_desc, abi.dnn_tune_sweep_result, module, loss, optimizer, data,
                progress, rates=rates, steps=steps, batch_size=batch_size, seeds=seeds, seed=seed, fresh=fresh)


def tune_divergence(module, loss, optimizer, data, *, high=None, precision=None, steps=None, batch_size=None,
                    seeds=None, seed=None, fresh=None, progress=None):
    """How far the optimizer's rate is from the lowest at which training diverges. The result has .rate, .diverges,
    .holds, .best."""
    return _run(lib.dnn_tune_divergence, abi.dnn_tune_divergence_desc, abi.dnn_tune_divergence_result, module, loss,
                optimizer, data, progress, high=high, precision=precision, steps=steps, batch_size=batch_size,
                seeds=seeds, seed=seed, fresh=fresh)


def tune_batch(module, loss, optimizer, data, *, budget=None, most=None, prefetch=None, untimed=None, progress=None):
    """The largest batch whose memory is within `budget` bytes, computed from the plan, and the one from which on larger
    ones gain nothing, measured. The result has .largest, .bytes, .next_bytes, .budget, .enough, .throughput."""
    return _run(lib.dnn_tune_batch, abi.dnn_tune_batch_desc, abi.dnn_tune_batch_result, module, loss, optimizer, data,
                progress, budget=budget, most=most, prefetch=prefetch, untimed=untimed)


def memory_available():
    """Bytes that this process may still take; 0: not known."""
    return lib.dnn_memory_available()
