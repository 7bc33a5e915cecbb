"""Losses: their value, and dL/dy to hand to Module.backward."""
import ctypes

from ._handle import Handle, Lender
from ._library import lib
from .tensors import Tensor, as_tensor


class Loss(Handle, Lender):
    """value, dy = loss(y, target); dy is lent until the next evaluation. Made by dnn.cross_entropy(), dnn.mse() …"""

    _release = lib.dnn_loss_release
    _lends_until = "the loss's next evaluation"

    def __call__(self, y, target):
        """The loss of y against target, a float, and its gradient by y."""
        lease = self._new_lease()
        dy = ctypes.c_void_p()
        value = self._evaluate(y, target, ctypes.byref(dy))
        return value, Tensor._lent(dy.value, self.ctx, lease=lease)

    def value(self, y, target):
        """The loss alone: no gradient is computed."""
        self._end_lease()
        return self._evaluate(y, target, None)

    def _evaluate(self, y, target, dy):
        value = ctypes.c_double()
        lib.dnn_loss_evaluate(self, as_tensor(y, self.ctx), as_tensor(target, self.ctx), ctypes.byref(value), dy)
        return value.value

    def values(self):
        """With reduction="none": the losses of the elements in the last evaluation, lent as dy is."""
        values = ctypes.c_void_p()
        lib.dnn_loss_values(self, ctypes.byref(values))
        if not self._lease or self._lease.over:
            self._new_lease()
        return Tensor._lent(values.value, self.ctx, lease=self._lease)
