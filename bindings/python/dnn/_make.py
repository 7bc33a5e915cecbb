"""What the constructors in _constructors.py come down to: a descriptor, a call, an object."""
import ctypes

from ._handle import created
from ._library import failure, lib
from ._structs import describe, enum, sequence
from .context import default_context
from .loss import Loss
from .module import Module
from .optimizer import Optimizer

__all__ = ["enum", "make_loss", "make_module", "make_optimizer"]


def plain(function, arguments):
    """Arguments as the C function takes them: where its last is an array, a sequence becomes its length and its
    numbers."""
    arguments = [0 if argument is None else argument for argument in arguments]
    last = function.argtypes[-1]
    if not issubclass(last, ctypes._Pointer):
        return arguments
    items = sequence(arguments[-1])
    return [*arguments[:-1], len(items), (last._type_ * len(items))(*items)]


def make_module(name, ctx, *arguments, **fields):
    ctx = ctx or default_context()
    function = getattr(lib, name)
    if arguments and isinstance(arguments[0], type):
        arguments = [ctypes.byref(describe(arguments[0], **fields))]
    else:
        arguments = plain(function, arguments)
    address = function(ctx, *arguments)
    if not address:
        raise failure()
    return Module(address, ctx)


def make_loss(name, ctx, desc, **fields):
    ctx = ctx or default_context()
    return Loss(created(getattr(lib, name), ctx, ctypes.byref(describe(desc, **fields))), ctx)


def make_optimizer(name, module, desc, **fields):
    return Optimizer(created(getattr(lib, name), module, ctypes.byref(describe(desc, **fields))), module)
