"""Contexts: memory, log, threads and seed of everything that is made in them."""
import ctypes
import itertools
import threading
import weakref

from . import _abi as abi
from . import _library
from ._handle import Handle, created
from ._library import lib
from ._structs import describe, enum

_sinks = {}  # id: the function that takes log lines
_ids = itertools.count(1)


@_library.callback(_library.field_type(abi.dnn_log_sink, "write"))
def _write_line(user, level, line):
    sink = _sinks.get(user)
    if sink:
        sink(level, line.decode(errors="replace"))


class Context(Handle):
    """Where objects live: they are made in one context, and those of two contexts never meet.

    threads: how many threads work is spread over; default: the processors that this process may use. Results do not
        depend on it, bit for bit.
    seed: of all randomness in this context.
    log: a function (level, line) that takes the library's remarks; level is 10 (debug), 20 (info) or 30 (warning), as
    in
        the logging module. Any thread may call it; it must not use the library.
    isa: "portable", "avx2", "avx512": an upper limit for the instructions that are used.
    winograd: False: float32 convolutions never use Winograd's algorithm, which is faster and rounds more coarsely.
    """

    _release = lib.dnn_context_release

    def __init__(self, *, threads=None, seed=0, log=None, isa=None, winograd=True):
        desc = describe(abi.dnn_context_desc, threads=threads, seed=seed, isa=enum(abi.dnn_isa, isa),
                        no_winograd=not winograd)
        sink = next(_ids)
        if log:
            _sinks[sink] = log
            desc.log = abi.dnn_log_sink(_write_line, sink)
        try:
            super().__init__(created(lib.dnn_context_create, ctypes.byref(desc)), None)
        except BaseException:
            _sinks.pop(sink, None)
            raise
        weakref.finalize(self, _sinks.pop, sink, None)

    @property
    def threads(self):
        """How many threads work is spread over."""
        return lib.dnn_context_threads(self)

    def seed(self, seed):
        """Sets the seed; what is made from here on draws the numbers that it would draw in a new context of that
        seed."""
        lib.dnn_context_seed(self, seed)

    def __str__(self):
        return lib.dnn_context_describe(self).decode()


_default = None
_lock = threading.Lock()


def default_context():
    """The context that objects are made in where no `ctx` is given. It is made when it is first needed."""
    global _default
    with _lock:
        if _default is None or _default.released:
            _default = Context()
        return _default


def seed(number):
    """Seeds the default context."""
    default_context().seed(number)
