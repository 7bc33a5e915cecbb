"""Moving averages of weights, which often predict better than the last step's."""
import contextlib
import ctypes

from . import _abi as abi
from ._handle import Handle, created
from ._library import lib
from ._structs import describe, enum


class Average(Handle):
    """Made by dnn.average(net).

        opt.step()
        average.update()
        …
        with average.swapped():      the module has the averages in here
            evaluate(net)
    """

    _release = lib.dnn_average_release

    def __init__(self, address, module):
        super().__init__(address, module.ctx)
        self.module = module

    def update(self):
        """Follows the weights as they are now."""
        lib.dnn_average_update(self)

    def swap(self):
        """Exchanges weights and averages."""
        lib.dnn_average_swap(self)

    @property
    def is_swapped(self):
        return lib.dnn_average_is_swapped(self) == 1

    @property
    def updates(self):
        """How many there were."""
        return lib.dnn_average_updates(self)

    @contextlib.contextmanager
    def swapped(self):
        self.swap()
        try:
            yield self.module
        finally:
            self.swap()


def average(module, kind="exponential", *, decay=None):
    """`kind` is "exponential", with its decay (0.999), or "equal": the mean of all that were seen."""
    desc = describe(abi.dnn_average_desc, kind=enum(abi.dnn_average_kind, kind), decay=decay)
    return Average(created(lib.dnn_average_create, module, ctypes.byref(desc)), module)
