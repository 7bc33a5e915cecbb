"""Watching a run: what goes wrong in it, and where a number that is not finite comes from."""
import ctypes
import os

from . import _abi as abi
from ._handle import Handle, addresses, created
from ._library import lib
from ._structs import asked, describe, record
from .report import Report
from .tensors import Tensor, as_tensor


class Monitor(Handle):
    """Made by dnn.monitor(net, opt); it keeps both alive, and changes neither.

        net.backward(dy)
        monitor.step(value)
        opt.step()
        …
        print(monitor.report())

    Findings go to the context's log when they first appear; include/dnn/monitor.h lists them.
    """

    _release = lib.dnn_monitor_release

    def __init__(self, address, module):
        super().__init__(address, module.ctx)
        self.module = module

    def add_optimizer(self, optimizer):
        """One more optimizer that moves parameters of the module."""
        lib.dnn_monitor_add_optimizer(self, optimizer)

    def step(self, loss, *inputs):
        """One step of training, after the backward. With the inputs of this step, the first number that is not finite
        is followed to where it comes from."""
        tensors = [as_tensor(x, self.ctx) for x in inputs]
        lib.dnn_monitor_step_n(self, loss, addresses(tensors), len(tensors))

    def validate(self, value):
        """A figure on data that is not trained on, after the forwards that it comes from."""
        lib.dnn_monitor_validate(self, value)

    @property
    def worst(self):
        """The severity of the worst finding so far: "none", "note", "warning", "error"."""
        return lib.dnn_severity_name(lib.dnn_monitor_worst(self)).decode()

    @property
    def figures(self):
        """steps, loss, smoothed, best, gradient_norm, update_ratio, lr, validation: what the last step came to."""
        return record(asked(abi.dnn_monitor_figures, lib.dnn_monitor_figures_get, self))

    def history(self):
        """An array (steps, 6): step, loss, smoothed, gradient norm, update ratio, rate."""
        return Tensor(created(lib.dnn_monitor_history, self), self.ctx).numpy()

    def report(self):
        """All findings so far."""
        return Report(created(lib.dnn_monitor_report, self), self.ctx)


def monitor(module, optimizer, *, window=None, patience=None, history=None, ignore=None, replay=None):
    """Watches a module that the optimizer moves. window: steps that are judged together; patience: steps until a loss
    that has not moved is reported; ignore: names of findings that are not wanted; replay: where an autopsy writes."""
    desc = describe(abi.dnn_monitor_desc, window=window, patience=patience, history=history, ignore=ignore,
                    replay=None if replay is None else os.fsdecode(replay))
    return Monitor(created(lib.dnn_monitor_create, module, optimizer, ctypes.byref(desc)), module)


def autopsy(module, *inputs, replay=None):
    """Runs the module on these inputs and reports the first step that makes a NaN or an infinity; the module stays as it
    was. replay: where to write a checkpoint that brings weights and inputs back, if something is found."""
    tensors = [as_tensor(x, module.ctx) for x in inputs]
    handles = (ctypes.c_void_p * len(tensors))(*[tensor._as_parameter_ for tensor in tensors])
    desc = describe(abi.dnn_autopsy_desc, replay=None if replay is None else os.fsdecode(replay))
    return Report(created(lib.dnn_autopsy, module, handles, len(tensors), ctypes.byref(desc)), module.ctx)
