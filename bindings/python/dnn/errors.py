"""Exceptions: one for each failing status of the library. All are dnn.Error, and of Python's own kind where there is
one."""
from . import _abi as abi


class Error(Exception):
    """A call of the library failed. str() is its line on what, where and with which shapes; `.status` is the number."""

    status = 0

    def __str__(self):  # KeyError, which one of them also is, would show the line in quotes
        return Exception.__str__(self)


class ArgumentError(Error, ValueError):
    """An argument is missing, out of range, or contradicts another."""


class HandleError(Error):
    """An object was released already, or is of another context."""


class ShapeError(Error, ValueError):
    """Shapes do not fit together."""


class DTypeError(Error, TypeError):
    """An element type is not the one that is needed."""


class InvalidValueError(Error, ValueError):
    """A value cannot be used or represented: a label out of range, a lossy cast."""


class StateError(Error, RuntimeError):
    """A call in the wrong phase: backward before forward, say; or something lent was used after its time."""


class NotFoundError(Error, KeyError):
    """Nothing has that name, path or index."""


class UnsupportedError(Error, NotImplementedError):
    """Not supported, here or by this build."""


class OutOfMemoryError(Error, MemoryError):
    """Out of memory. Objects are as they were, and the call may be tried again."""


class ThreadError(Error, RuntimeError):
    """A thread could not be started."""


class FileError(Error, OSError):
    """A file could not be opened, read, written or renamed."""


class FormatError(Error, ValueError):
    """A file is not what it claims to be: truncated, corrupt or of another format."""


class CallbackError(Error):
    """A function of yours failed while the library ran it; `__cause__` is its exception."""


class InternalError(Error, RuntimeError):
    """A fault in the library itself: please report it."""


CLASSES = {
    abi.dnn_status.DNN_ERROR_ARGUMENT: ArgumentError,
    abi.dnn_status.DNN_ERROR_HANDLE: HandleError,
    abi.dnn_status.DNN_ERROR_SHAPE: ShapeError,
    abi.dnn_status.DNN_ERROR_DTYPE: DTypeError,
    abi.dnn_status.DNN_ERROR_VALUE: InvalidValueError,
    abi.dnn_status.DNN_ERROR_STATE: StateError,
    abi.dnn_status.DNN_ERROR_NOT_FOUND: NotFoundError,
    abi.dnn_status.DNN_ERROR_UNSUPPORTED: UnsupportedError,
    abi.dnn_status.DNN_ERROR_MEMORY: OutOfMemoryError,
    abi.dnn_status.DNN_ERROR_THREAD: ThreadError,
    abi.dnn_status.DNN_ERROR_IO: FileError,
    abi.dnn_status.DNN_ERROR_FORMAT: FormatError,
    abi.dnn_status.DNN_ERROR_CALLBACK: CallbackError,
    abi.dnn_status.DNN_ERROR_INTERNAL: InternalError,
}
for _status, _class in CLASSES.items():
    _class.status = int(_status)


def make(status, line):
    """The exception for a status; a plain Error for one that a newer library has added."""
    error = CLASSES.get(status, Error)(line)
    error.status = int(status)
    return error
