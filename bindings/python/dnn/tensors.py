"""Tensors: dense, row-major arrays of one element type, shared with NumPy without copies."""
import ctypes
import itertools

import numpy as np

from . import _abi as abi
from . import _library, errors
from ._dtypes import NAMES, dtype_number, numpy_dtype
from ._handle import Handle, created
from ._library import lib
from ._structs import sequence
from .context import default_context

_wrapped = {}  # id: the NumPy array whose memory a tensor uses
_ids = itertools.count(1)


@_library.callback(ctypes.CFUNCTYPE(None, ctypes.c_void_p))
def _release_array(user):
    _wrapped.pop(user, None)


class _Memory(Handle):
    """A hold on a tensor's memory, for NumPy arrays over it: it stays as long as the last of them."""

    _release = lib.dnn_tensor_release

    def __init__(self, tensor):
        lib.dnn_tensor_retain(tensor)
        super().__init__(tensor._address, None)
        self.__array_interface__ = {
            "version": 3,
            "shape": tensor.shape,
            "typestr": numpy_dtype(lib.dnn_tensor_dtype(tensor)).str,
            "data": (lib.dnn_tensor_const_data(tensor), not tensor.writable),
        }


class Tensor(Handle):
    """A dense array. dnn.tensor() makes one from NumPy's or Python's numbers; numpy() looks into its memory.

    Some tensors are lent: a module's output, a loader's batch. They are read-only, and may be used until their lender
    runs again; from then on they raise StateError. NumPy views of them cannot know: their memory stays valid, but its
    contents are overwritten. copy() is a NumPy array, and clone() a tensor, of one's own.
    """

    _release = lib.dnn_tensor_release

    def __init__(self, address, ctx, *, writable=True, lease=None):
        super().__init__(address, ctx)
        self.writable = writable
        self._lease = lease

    @classmethod
    def _lent(cls, address, ctx, *, writable=False, lease=None):
        """Takes a hold of its own on a tensor that the library lends; None for NULL."""
        if not address:
            return None
        lib.dnn_tensor_retain(address)
        return cls(address, ctx, writable=writable, lease=lease)

    @property
    def _as_parameter_(self):
        if self._lease:
            self._lease.check()
        return super()._as_parameter_

    def _made(self, function, *arguments):
        """A tensor made from this one, which shares its memory."""
        return Tensor(created(function, self, *arguments), self.ctx, writable=self.writable, lease=self._lease)

    # ---- questions

    @property
    def dtype(self):
        """The name of the element type, which NumPy takes as a dtype: "float32"."""
        return NAMES[lib.dnn_tensor_dtype(self)]

    @property
    def shape(self):
        return tuple(lib.dnn_tensor_dims(self)[:self.ndim])

    @property
    def ndim(self):
        return lib.dnn_tensor_rank(self)

    @property
    def size(self):
        """The number of elements."""
        return lib.dnn_tensor_count(self)

    @property
    def nbytes(self):
        return lib.dnn_tensor_bytes(self)

    def __len__(self):
        if self.ndim == 0:
            raise TypeError("a scalar has no length")
        return self.shape[0]

    def __repr__(self):
        if self.released or (self._lease and self._lease.over):
            return "Tensor(gone)"
        return f"Tensor({self.shape}, {self.dtype!r})"

    # ---- elements

    def numpy(self):
        """The tensor's memory as a NumPy array, without a copy; read-only where the tensor is. The memory outlives the
        tensor as long as the array is there."""
        if self.size == 0:
            return np.empty(self.shape, numpy_dtype(lib.dnn_tensor_dtype(self)))
        return np.asarray(_Memory(self))

    def copy(self):
        """The elements as a NumPy array of its own."""
        return self.numpy().copy()

    def __array__(self, dtype=None, copy=None):
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"a {self.dtype} tensor is no {np.dtype(dtype)} array without a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def item(self):
        """The element of a tensor that has one."""
        if self.size != 1:
            raise errors.ShapeError(f"item() is for one element, the tensor's shape is {list(self.shape)}")
        return self.numpy().reshape(()).item()

    def set(self, values):
        """Overwrites the elements: `values` is a tensor or an array of the same shape, or one number."""
        self._must_be_writable()
        values = np.asarray(values)
        if values.ndim and values.shape != self.shape:
            raise errors.ShapeError(f"values have shape {list(values.shape)}, the tensor {list(self.shape)}")
        np.copyto(self.numpy(), values, casting="same_kind")

    def fill(self, init):
        """Fills it with starting values: dnn.init("normal", 0, 0.1)."""
        self._must_be_writable()
        lib.dnn_tensor_fill(self, ctypes.byref(init.struct))

    def _must_be_writable(self):
        if not self.writable:
            raise errors.StateError("the tensor is read-only: it is lent, or wraps a read-only array")

    # ---- views and conversions

    def __getitem__(self, index):
        """Elements along the first axis: t[2] and t[2:5] are views; further axes are NumPy's business."""
        if isinstance(index, slice):
            first, last, step = index.indices(len(self))
            if step != 1:
                raise errors.UnsupportedError("slices of tensors have step 1: use numpy() for others")
            return self._made(lib.dnn_tensor_slice, first, max(last - first, 0))
        index = range(len(self))[index]
        with self._made(lib.dnn_tensor_slice, index, 1) as row:
            return row.reshape(self.shape[1:])

    def reshape(self, *shape):
        """A view with another shape; one size may be -1."""
        dims = shape[0] if len(shape) == 1 and hasattr(shape[0], "__iter__") else shape
        return self._made(lib.dnn_tensor_reshape, len(dims), dims_array(dims))

    def clone(self):
        """A tensor with a copy of the elements."""
        return Tensor(created(lib.dnn_tensor_clone, self), self.ctx)

    def cast(self, dtype, *, lossy=False):
        """A tensor with the elements converted. A value that does not survive is an error, with the count of them,
        unless lossy=True: then values are rounded toward zero and clamped."""
        mode = abi.dnn_cast.DNN_CAST_LOSSY if lossy else abi.dnn_cast.DNN_CAST_EXACT
        return Tensor(created(lib.dnn_tensor_cast, self, dtype_number(dtype), mode, None), self.ctx)


def dims_array(dims):
    dims = sequence(dims)
    return (ctypes.c_int64 * len(dims))(*dims)


# ---- making ----------------------------------------------------------------------------------------------------------


def as_array(data, dtype=None):
    """Numbers as NumPy has them. Python's own floats become float32, as networks want them; arrays keep their type."""
    array = np.asarray(data)
    if dtype is not None:
        name = NAMES[dtype_number(dtype)]
        if name == "bfloat16":
            raise errors.DTypeError('NumPy has no bfloat16: make a float32 tensor and cast("bfloat16")')
        return np.asarray(array, name)
    is_pythons = not hasattr(data, "__array__") and not hasattr(data, "__array_interface__")
    return array.astype(np.float32) if is_pythons and array.dtype == np.float64 else array


def wrap(array, ctx):
    """A tensor over the array's memory, which stays alive with it."""
    number = dtype_number(array.dtype)
    key = next(_ids)
    _wrapped[key] = array
    try:
        address = created(lib.dnn_tensor_wrap, ctx, number, array.ndim, dims_array(array.shape), array.ctypes.data,
                          _release_array, key)
    except BaseException:
        _wrapped.pop(key, None)
        raise
    return Tensor(address, ctx, writable=array.flags.writeable)


def tensor(data, dtype=None, *, copy=None, ctx=None):
    """A tensor from a NumPy array, or anything that NumPy makes one of.

    The memory is shared, so that what is written to one is seen in the other, wherever the array is dense and
    row-major, of a type that the library has, in this machine's byte order; else it is a copy. copy=True always
    copies, copy=False never does: ValueError where it would have to.
    """
    array = as_array(data, dtype)
    usable = np.require(array, array.dtype.newbyteorder("="), ["C", "ALIGNED"])
    if copy is False and usable.size and not np.shares_memory(usable, np.asarray(data)):
        raise ValueError("this cannot become a tensor without a copy")
    return wrap(usable.copy() if copy else usable, ctx or default_context())


def zeros(shape, dtype="float32", *, ctx=None):
    """A tensor of zeros."""
    ctx = ctx or default_context()
    dims = sequence(shape)
    return Tensor(created(lib.dnn_tensor_create, ctx, dtype_number(dtype), len(dims), dims_array(dims)), ctx)


def as_tensor(data, ctx):
    """A tensor as it is; anything else as dnn.tensor() makes one."""
    return data if isinstance(data, Tensor) else tensor(data, ctx=ctx)
