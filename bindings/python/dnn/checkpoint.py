"""Checkpoints: a run on disk, from which training goes on as if it had never stopped, bit for bit."""
import ctypes

from . import _abi as abi
from . import _library
from ._handle import created
from ._library import lib
from ._structs import describe
from .report import Report


def _parts(module=None, optimizer=None, schedule=None, loader=None, average=None, tensors=None, metadata=None):
    """The descriptor, and what must live as long as it."""
    tensors, metadata = dict(tensors or {}), dict(metadata or {})
    names = [name.encode() for name in tensors]
    pairs = [abi.dnn_metadata(str(key).encode(), str(value).encode()) for key, value in metadata.items()]
    parts = describe(abi.dnn_checkpoint_parts, module=module, optimizer=optimizer, schedule=schedule, loader=loader,
                     average=average)
    parts.names = (ctypes.c_char_p * len(names))(*names)
    parts.tensors = (ctypes.c_void_p * len(names))(*[tensor._as_parameter_ for tensor in tensors.values()])
    parts.metadata = (abi.dnn_metadata * len(pairs))(*pairs)
    parts.n_tensors, parts.n_metadata = len(names), len(pairs)
    return parts


def write_checkpoint(path, **parts):
    """Writes module, optimizer, schedule, loader, average and tensors (a dict of dnn.Tensor) to one file, with metadata (a dict of
    text). What is not given is not in it."""
    lib.dnn_checkpoint_write(str(path).encode(), ctypes.byref(_parts(**parts)))


def read_checkpoint(path, **parts):
    """Reads them back into those that are given: all, or none if anything does not fit."""
    lib.dnn_checkpoint_read(str(path).encode(), ctypes.byref(_parts(**parts)))


def save_checkpoint(folder, *, number=None, keep=None, **parts):
    """Writes folder/checkpoint-<number>.safetensors, the optimizer's steps if no number is given, and then removes all
    but the newest `keep` (3)."""
    desc = describe(abi.dnn_checkpoint_save_desc, number=number, keep=keep)
    lib.dnn_checkpoint_save(str(folder).encode(), ctypes.byref(_parts(**parts)), ctypes.byref(desc))


def resume(folder, **parts):
    """Reads the newest checkpoint of the folder that is whole, and gives its number. NotFoundError: there is none."""
    number = ctypes.c_int64()
    lib.dnn_checkpoint_resume(str(folder).encode(), ctypes.byref(_parts(**parts)), ctypes.byref(number))
    return number.value


_steps = {}


@_library.callback(lib.dnn_resume_test.argtypes[3])
def _step(user):
    _steps[user]()


def resume_test(path, step, steps, **parts):
    """Runs step() `steps` times, goes back to where it was by a checkpoint at `path`, runs them again, and reports what
    differs: an empty report is what one wants. The parts are as before afterwards."""
    desc = _parts(**parts)
    user = id(step)
    _steps[user] = step
    try:
        ctx = next(part.ctx for part in parts.values() if hasattr(part, "ctx"))
        return Report(created(lib.dnn_resume_test, str(path).encode(), ctypes.byref(desc), _step, user, steps), ctx)
    finally:
        del _steps[user]
