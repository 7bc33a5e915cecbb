"""Finds and loads the C libraries, gives every function its types, and turns statuses into exceptions.

Callbacks. What Python code the library calls may raise: the exception is kept aside, the library is told the reason in
one line, and whoever called the library gets an exception with the first one as its cause.
"""
import collections
import contextlib
import ctypes
import functools
import os
import threading

from . import _abi as abi
from . import errors

OK, END = abi.dnn_status.DNN_OK, abi.dnn_status.DNN_END
UNCHECKED = {"dnn_last_status", "dnn_fail"}  # their status is not their own success


def candidates(variable, name, folders):
    """Where a library may be, most wanted first: the file that the environment names; beside us; the loader's
    places."""
    named = os.environ.get(variable)
    if named:
        return [named]
    soname = f"{name}.so.{abi.VERSION.rsplit('.', 1)[0]}"
    files = [os.path.join(folder, file) for folder in folders for file in (soname, f"{name}.so")]
    return [file for file in files if os.path.exists(file)] + [soname]


def open_library(variable, name, folders):
    """The first candidate that loads, and its path. OSError, with the reason for the last one, if none does."""
    for path in candidates(variable, name, folders):
        try:
            return ctypes.CDLL(path), path
        except OSError as reason:
            failure = reason
    raise OSError(f"{name} cannot be loaded: {failure} (the environment variable {variable} may name the file)")


class Functions:
    """The functions of one library as attributes. Calls give the GIL up."""

    def __init__(self, library, table):
        for name, (result, parameters) in table.items():
            function = getattr(library, name, None)
            setattr(self, name, bind(function, name, result, parameters) if function else missing(name))


def bind(function, name, result, parameters):
    function.argtypes = parameters
    function.restype = ctypes.c_int if result is abi.dnn_status else result
    if result is abi.dnn_status and name not in UNCHECKED:
        function.errcheck = check

    def call(*arguments):
        try:
            return function(*arguments)
        except ctypes.ArgumentError as error:
            failed = error
        for argument in arguments:
            getattr(argument, "_as_parameter_", None)  # an object that was released says so itself
        raise failed

    call.argtypes = parameters
    return call


def missing(name):
    """For a function that an older library of the same ABI does not have."""

    def call(*_):
        version = lib.dnn_version_string().decode()
        raise errors.UnsupportedError(f"{name} is not in the library that is loaded, {version}")

    return call


# ---- failures --------------------------------------------------------------------------------------------------------

_raised = collections.deque(maxlen=16)  # (line, exception) of callbacks, until somebody is told
_local = threading.local()  # .depth: how many callbacks this thread is in


def check(status, function=None, arguments=None):
    if status in (OK, END):
        return status
    raise failure(status)


def failure(status=None):
    """The exception for the last failure in this thread."""
    line = lib.dnn_last_error().decode(errors="replace")
    error = errors.make(lib.dnn_last_status() if status is None else status, line)
    for item in reversed(list(_raised)):
        if item[0] in line:
            with contextlib.suppress(ValueError):  # another thread was told at the same time
                _raised.remove(item)
            if not isinstance(item[1], Exception):  # KeyboardInterrupt, SystemExit: as if it came straight through
                return item[1]
            error.__cause__ = item[1]
            break
    return error


def keep_exception(exception):
    """Tells the library why a callback failed; returns the status for it to return."""
    text = exception if isinstance(exception, errors.Error) else f"{type(exception).__name__}: {exception}"
    line = " ".join(str(text).split())[:400]
    _raised.append((line, exception))
    status = getattr(exception, "status", None) if isinstance(exception, errors.Error) else None
    return lib.dnn_fail(status or abi.dnn_status.DNN_ERROR_CALLBACK, line.encode())


def in_callback():
    return getattr(_local, "depth", 0) > 0


def callback(prototype):
    """Makes a Python function callable from C. Where C expects a status, returning normally is DNN_OK."""

    def decorate(function):
        @functools.wraps(function)
        def guarded(*arguments):
            _local.depth = getattr(_local, "depth", 0) + 1
            try:
                function(*arguments)
                return int(OK)
            except BaseException as exception:
                if prototype._restype_ is None:
                    raise  # there is nobody to tell: Python reports it through sys.unraisablehook
                return keep_exception(exception)
            finally:
                _local.depth -= 1

        return prototype(guarded)

    return decorate


def field_type(structure, name):
    return dict(structure._fields_)[name]


# ---- the libraries ---------------------------------------------------------------------------------------------------

_package = os.path.dirname(os.path.abspath(__file__))


def load():
    try:
        library, path = open_library("DNN_LIBRARY", "libdnn", [_package])
    except OSError as reason:
        raise ImportError(str(reason)) from None
    functions = Functions(library, abi.DNN)
    version = functions.dnn_version_string().decode()
    if version.split(".")[:2] != abi.VERSION.split(".")[:2]:
        raise ImportError(f"{path} is libdnn {version}; this package is for {abi.VERSION.rsplit('.', 1)[0]}")
    return functions, path


lib, path = load()


@functools.lru_cache(maxsize=None)
def io():
    """libdnn_io's functions; it is loaded when first needed."""
    folder = os.path.dirname(path)
    try:
        library, _ = open_library("DNN_IO_LIBRARY", "libdnn_io", [folder] if folder else [_package])
    except OSError as reason:
        raise errors.UnsupportedError(str(reason)) from None
    return Functions(library, abi.DNN_IO)
