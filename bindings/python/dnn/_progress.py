"""Long calls: how far they are, told to a function of Python's."""
from . import _abi as abi
from . import _library

_step = _library.field_type(abi.dnn_progress, "step")


def progress(function):
    """The struct for function(what, done, total), which ends the call by raising; None: nobody is told. The struct keeps
    the function alive, and is to be kept during the call."""
    struct = abi.dnn_progress()
    if function is not None:
        struct.step = _library.callback(_step)(lambda user, what, done, total: function(what.decode(), done, total))
    return struct
