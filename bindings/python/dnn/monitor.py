"""Watching a run: where a number that is not finite comes from."""
import ctypes
import os

from . import _abi as abi
from ._handle import created
from ._library import lib
from ._structs import describe
from .report import Report
from .tensors import as_tensor


def autopsy(module, *inputs, replay=None):
    """Runs the module on these inputs and reports the first step that makes a NaN or an infinity; the module stays as it
    was. replay: where to write a checkpoint that brings weights and inputs back, if something is found."""
    tensors = [as_tensor(x, module.ctx) for x in inputs]
    handles = (ctypes.c_void_p * len(tensors))(*[tensor._as_parameter_ for tensor in tensors])
    desc = describe(abi.dnn_autopsy_desc, replay=None if replay is None else os.fsdecode(replay))
    return Report(created(lib.dnn_autopsy, module, handles, len(tensors), ctypes.byref(desc)), module.ctx)
