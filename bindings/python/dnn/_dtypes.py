"""Element types: the library's numbers, NumPy's dtypes, and their names, which are the same ("float32")."""
import numpy as np

from . import _abi as abi
from . import errors
from ._library import lib

NAMES = {int(d): lib.dnn_dtype_name(d).decode() for d in abi.dnn_dtype if d}
NUMBERS = {name: number for number, name in NAMES.items()}
WITHOUT_NUMPY = {"bfloat16"}


def dtype_number(dtype):
    """The number of a dtype that is given by name, as NumPy's dtype or type, or as a number."""
    if isinstance(dtype, int) and dtype in NAMES:
        return int(dtype)
    name = dtype if isinstance(dtype, str) and dtype in NUMBERS else numpy_name(dtype)
    if name in NUMBERS:
        return NUMBERS[name]
    raise errors.DTypeError(f"{name} is none of the dtypes that the library has: {', '.join(NUMBERS)}")


def numpy_name(dtype):
    try:
        return np.dtype(dtype).name
    except TypeError:
        return repr(dtype)


def dtype_name(dtype):
    return NAMES[dtype_number(dtype)]


def numpy_dtype(number):
    name = NAMES[number]
    if name in WITHOUT_NUMPY:
        raise errors.DTypeError(f'NumPy has no {name}: cast("float32") first')
    return np.dtype(name)
