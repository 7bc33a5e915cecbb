"""What all objects of the library have in common: one hold on a C object, given back exactly once."""
import collections
import ctypes
import weakref

from . import errors
from ._library import in_callback

_late = collections.deque()  # releases that came up inside of a callback, where some of them would wait for themselves


def give_back(release, address):
    if in_callback():
        _late.append((release, address))
        return
    while _late:
        late, other = _late.popleft()
        late(other)
    release(address)


class Handle:
    """Owns one hold on an object of the C library. It is given back by release(), at the end of a `with` block, when
    the Python object is collected, or when the interpreter ends, whichever comes first: later objects before earlier
    ones. Objects may be released in any order: those that are built on others keep them alive in the library.
    """

    _release = None  # the C function

    def __init__(self, address, ctx):
        if not isinstance(address, int):  # a class that a function makes, called itself
            about = " ".join((type(self).__doc__ or "").split("\n\n")[0].split())
            raise TypeError(f"{type(self).__name__} takes an address of the library, not {address!r}. {about}")
        self._address = address
        self.ctx = ctx
        self._finalizer = weakref.finalize(self, give_back, type(self)._release, address)

    @property
    def _as_parameter_(self):
        """The C pointer, for a call: an error once the object was released."""
        if not self._finalizer.alive:
            raise errors.HandleError(f"this {type(self).__name__} was released")
        return ctypes.c_void_p(self._address)

    def release(self):
        """Gives the hold back now. Using the object afterwards is a HandleError; releasing it again does nothing."""
        self._finalizer()

    @property
    def released(self):
        return not self._finalizer.alive

    def __enter__(self):
        self._as_parameter_
        return self

    def __exit__(self, *_):
        self.release()


class Lease:
    """How long something lent may be used: its lender ends the lease when it overwrites the memory."""

    def __init__(self, lender):
        self.lender, self.over = lender, False

    def check(self):
        if self.over:
            raise errors.StateError(f"this was lent until {self.lender}: clone() or copy() what is to be kept")


class Lender:
    """Mixed into objects that lend tensors until their next run."""

    _lease = None
    _lends_until = "the next run"

    def _new_lease(self):
        self._end_lease()
        self._lease = Lease(self._lends_until)
        return self._lease

    def _end_lease(self):
        if self._lease:
            self._lease.over = True


def created(function, *arguments):
    """Calls `function(T **out, …)` and returns what came out, an address."""
    out = ctypes.c_void_p()
    function(ctypes.byref(out), *arguments)
    return out.value


def addresses(objects):
    """An array of handles for C; None is NULL."""
    values = [o._as_parameter_.value if o is not None else None for o in objects]
    return (ctypes.c_void_p * len(values))(*values)
