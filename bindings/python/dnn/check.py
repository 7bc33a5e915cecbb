"""The gradient check: does backward compute the derivative of what forward computes?"""
import ctypes
import json

from . import _abi as abi
from ._handle import Handle, addresses, created
from ._library import lib
from ._structs import asked, describe, enum, record
from .context import default_context
from .module import as_module
from .tensors import as_tensor


class CheckReport(Handle):
    """What a check found. `verdict` is "PASS", "INCONCLUSIVE" or "FAIL"; str() is a table for people."""

    _release = lib.dnn_check_report_release

    def __str__(self):
        return lib.dnn_check_report_text(self).decode()

    @property
    def figures(self):
        """The totals: checked, passed, kinked, inconclusive, failed, worst_error, hint, reproduce …"""
        return self._record(abi.dnn_check_figures, lib.dnn_check_report_figures)

    @property
    def verdict(self):
        return self.figures.verdict

    @property
    def passed(self):
        return self.verdict == "PASS"

    @property
    def worst(self):
        """The worst entry; NotFoundError if nothing was checked."""
        entry = self._record(abi.dnn_check_entry, lib.dnn_check_report_worst)
        entry.index = tuple(entry.index[:entry.rank])
        return entry

    @property
    def rows(self):
        """One for each tensor in each phase."""
        return [self._record(abi.dnn_check_row, lib.dnn_check_report_row, i) for i in range(self.figures.rows)]

    @property
    def findings(self):
        """What was checked without differences."""
        return [self._record(abi.dnn_check_finding, lib.dnn_check_report_finding, i)
                for i in range(self.figures.findings)]

    def json(self):
        """The whole as Python objects."""
        return json.loads(lib.dnn_check_report_json(self).decode())

    def _record(self, kind, function, *arguments):
        made = record(asked(kind, function, self, *arguments))
        made.verdict = lib.dnn_check_verdict_name(made.verdict).decode()
        return made


def _options(loss, target, inputs, parameters, structure, float32, mode, phases, values):
    skipped = abi.dnn_check_skip
    skip = ((0 if inputs else skipped.DNN_CHECK_NO_INPUTS) | (0 if parameters else skipped.DNN_CHECK_NO_PARAMETERS)
            | (0 if structure else skipped.DNN_CHECK_NO_STRUCTURE) | (0 if float32 else skipped.DNN_CHECK_NO_FLOAT32))
    mask = None if phases is None else sum(enum(abi.dnn_check_phase, phase) for phase in phases)
    return ctypes.byref(describe(abi.dnn_check_desc, mode=enum(abi.dnn_check_mode, mode), phases=mask, skip=skip,
                                 loss=loss, target=target, **values))


def check_gradients(module, *inputs, loss=None, target=None, mode=None, phases=None, check_inputs=True,
                    check_parameters=True, check_structure=True, check_float32=True, **settings):
    """Compares the gradients of a module (or a dnn.Layer) on these inputs with differences, in float64, and returns a
    CheckReport. The module is left as it was.

    mode: "auto", "slow" (all elements), "fast" (random directions), "sampled". phases: some of "train", "eval",
    "as_is". loss and target: a loss behind the module, checked with it. Further settings, as include/dnn/check.h says:
    tolerance, float32_tolerance, seed, budget, pairs, samples, only, burn_in.
    """
    module = as_module(module, default_context())
    tensors = [as_tensor(x, module.ctx) for x in inputs]
    target = None if target is None else as_tensor(target, module.ctx)
    options = _options(loss, target, check_inputs, check_parameters, check_structure, check_float32, mode, phases,
                       settings)
    return CheckReport(created(lib.dnn_check_gradients, module, addresses(tensors), len(tensors), options), module.ctx)


def check_loss(loss, y, target, *, mode=None, **settings):
    """Checks the gradient of a loss alone, at y and target."""
    options = _options(None, None, True, True, True, True, mode, None, settings)
    tensors = as_tensor(y, loss.ctx), as_tensor(target, loss.ctx)
    return CheckReport(created(lib.dnn_check_loss, loss, *tensors, options), loss.ctx)
