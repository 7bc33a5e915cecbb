"""Schedules: the learning rate as a function of the epoch."""
import ctypes

from . import _abi as abi
from ._handle import Handle, created
from ._library import failure, lib
from ._structs import describe, enum
from .context import default_context
from .tensors import Tensor


class Schedule(Handle):
    """Made by dnn.schedule("cosine", lr=0.1, epochs=90, warmup=5).

        for epoch in range(90):
            schedule.apply(opt, epoch)
    """

    _release = lib.dnn_schedule_release

    def rate(self, epoch):
        """The rate at an epoch, whole or not."""
        rate = lib.dnn_schedule_rate(self, epoch)
        if rate != rate:
            raise failure()
        return rate

    def apply(self, optimizer, epoch):
        """Sets the optimizer's rate to that."""
        lib.dnn_schedule_apply(self, optimizer, epoch)

    def observe(self, value):
        """A plateau's schedule: what is watched, once an epoch."""
        lib.dnn_schedule_observe(self, value)

    @property
    def state(self):
        """A plateau's state, for checkpoints; writing to it changes the schedule."""
        address = lib.dnn_schedule_state(self)
        if not address:
            raise failure()
        return Tensor._lent(address, self.ctx, writable=True)


def schedule(kind="constant", lr=None, *, ctx=None, **fields):
    """`kind` is one of "constant", "step", "multistep", "exponential", "polynomial", "cosine", "one_cycle", "wsd",
    "plateau"; the fields are those of dnn_schedule_desc in include/dnn/schedule.h."""
    ctx = ctx or default_context()
    desc = describe(abi.dnn_schedule_desc, kind=enum(abi.dnn_schedule_kind, kind), lr=lr, **fields)
    return Schedule(created(lib.dnn_schedule_create, ctx, ctypes.byref(desc)), ctx)
