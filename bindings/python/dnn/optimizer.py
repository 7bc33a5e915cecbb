"""Optimizers: they move parameters along their gradients."""
import ctypes

from . import _abi as abi
from . import _library
from ._handle import Handle
from ._library import lib
from ._structs import asked, describe, record
from .tensors import Tensor


class Optimizer(Handle):
    """Made by dnn.sgd(net), dnn.adam(net), dnn.adamw(net); it keeps the module alive.

        opt.zero_grad()
        … forward, loss, backward …
        opt.step()
    """

    _release = lib.dnn_optimizer_release

    def __init__(self, address, module):
        super().__init__(address, module.ctx)
        self.module = module

    def step(self, closure=None):
        """Moves every parameter that is not frozen. Gradients stay as they are.

        With a closure (L-BFGS needs one): closure() clears the gradients, runs forward, loss and backward, and returns
        the loss; that of its first call is returned."""
        if closure is None:
            lib.dnn_optimizer_step(self)
            return None
        loss = ctypes.c_double()
        lib.dnn_optimizer_step_closure(self, _evaluating(closure), None, ctypes.byref(loss))
        return loss.value

    def zero_grad(self):
        """Sets the gradients of the whole module to zero."""
        lib.dnn_optimizer_zero_grad(self)

    @property
    def steps(self):
        """How many steps have been made."""
        return lib.dnn_optimizer_steps(self)

    @property
    def lr(self):
        """The rate; groups keep their proportion to it."""
        return lib.dnn_optimizer_get_lr(self)

    @lr.setter
    def lr(self, lr):
        lib.dnn_optimizer_set_lr(self, lr)

    def set_accumulation(self, backwards):
        """Declares how many backwards go into one step; more are reported through the context's log."""
        lib.dnn_optimizer_set_accumulation(self, backwards)

    def clip_norm(self, max_norm):
        """Clips the norm of all gradients together; float("inf") only measures it, 0 neither."""
        lib.dnn_optimizer_clip_norm(self, max_norm)

    @property
    def gradient_norm(self):
        """The norm that the last step measured, before clipping; NaN if none has."""
        return lib.dnn_optimizer_gradient_norm(self)

    # ---- groups

    def group(self, pattern, *, lr_factor=None, weight_decay=None):
        """Moves the parameters whose path matches into a new group, with its own rate (a factor) and decay; returns the
        group's number: opt.group("*.bias", weight_decay=0)."""
        lib.dnn_optimizer_group(self, pattern.encode(), _group(lr_factor, weight_decay))
        return lib.dnn_optimizer_group_count(self) - 1

    def set_group(self, group, *, lr_factor=None, weight_decay=None):
        """Sets factor and decay of a group anew; group 0 has what is in no other."""
        lib.dnn_optimizer_set_group(self, group, _group(lr_factor, weight_decay))

    @property
    def groups(self):
        """pattern, lr, lr_factor, weight_decay, parameters and elements of each group."""
        return [record(asked(abi.dnn_group_info, lib.dnn_optimizer_group_at, self, i))
                for i in range(lib.dnn_optimizer_group_count(self))]

    # ---- state

    def state(self):
        """{(path, name): tensor} of all state, for checkpoints; the optimizer's own has the path "". Writing to one
        changes the optimizer."""
        infos = [asked(abi.dnn_optimizer_state, lib.dnn_optimizer_state_at, self, i)
                 for i in range(lib.dnn_optimizer_state_count(self))]
        return {(i.path.decode(), i.name.decode()): self._tensor(i) for i in infos}

    def state_of(self, path, name):
        """One piece of state, made here as zeros if there is none yet, so that it can be loaded."""
        return self._tensor(asked(abi.dnn_optimizer_state, lib.dnn_optimizer_state_find, self, path.encode(),
                                  name.encode()))

    def _tensor(self, info):
        return Tensor._lent(info.value, self.ctx, writable=True)


def _evaluating(closure):
    """A C function that calls it."""

    @_library.callback(lib.dnn_optimizer_step_closure.argtypes[1])
    def evaluate(_user, loss):
        loss[0] = float(closure())

    return evaluate


def _group(lr_factor, weight_decay):
    return ctypes.byref(describe(abi.dnn_group_desc, lr_factor=lr_factor, weight_decay=weight_decay))
