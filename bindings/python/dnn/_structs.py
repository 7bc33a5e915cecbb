"""Descriptors from keyword arguments, and infos as Python objects."""
import ctypes
import types

from . import _abi as abi
from . import errors
from ._dtypes import dtype_name


# Numbers without another default than zero, whose sign would be seen in the result.
TAKEN_AS_IS = {(abi.dnn_init, "a"), (abi.dnn_init, "b"), (abi.dnn_pad_desc, "value")}


def enum(kind, value):
    """The number of an enum's member: given as it is, or by its last words, "mean" for DNN_REDUCTION_MEAN."""
    if value is None or isinstance(value, int):
        return value
    ending = "_" + str(value).upper()
    found = [member for member in kind if member.name.endswith(ending)]
    if found:
        return int(min(found, key=lambda member: len(member.name)))
    names = ", ".join(member.name for member in kind)
    raise errors.ArgumentError(f'"{value}" is none of {names}')


class Init:
    """Starting values for a parameter: dnn.init("kaiming_normal", fan="out"), dnn.init("uniform", -1, 1)."""

    def __init__(self, kind, a=None, b=None, *, gain=None, fan=None):
        self.settings = dict(kind=enum(abi.dnn_init_kind, kind), a=a, b=b, gain=gain, fan=enum(abi.dnn_fan, fan))
        self.struct = describe(abi.dnn_init, **self.settings)

    def __repr__(self):
        set_ = ", ".join(f"{k}={v}" for k, v in self.settings.items() if v is not None)
        return f"dnn.init({set_})"


def init(kind, a=None, b=None, *, gain=None, fan=None):
    """How to fill a tensor with starting values. `kind` is one of "constant" (a), "uniform" (from a to b), "normal"
    (mean a, deviation b), "kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal"; `gain` and `fan`
    ("in", "out") as include/dnn/tensor.h says."""
    return Init(kind, a, b, gain=gain, fan=fan)


def sequence(value):
    """A number alone stands for a sequence of one."""
    return list(value) if hasattr(value, "__iter__") else [value]


def set_counted(struct, name, c_type, value):
    """A pointer to numbers or texts; the field n_name, where there is one, says how many."""
    items = [i.encode() if isinstance(i, str) else i for i in sequence(value)]
    setattr(struct, name, (c_type._type_ * len(items))(*items))
    if hasattr(struct, f"n_{name}"):
        setattr(struct, f"n_{name}", len(items))


def set_array(struct, name, c_type, value):
    items = sequence(value)
    if len(items) > c_type._length_:
        raise errors.ArgumentError(f"{name} has {len(items)} numbers, {c_type._length_} are the most")
    setattr(struct, name, c_type(*items))
    if hasattr(struct, f"n_{name}"):
        setattr(struct, f"n_{name}", len(items))


def set_field(struct, name, c_type, value):
    if c_type is ctypes.c_double:
        # A zero that is given is meant: it must not be taken for a field that was left out.
        zero = 0.0 if (type(struct), name) in TAKEN_AS_IS else abi.DNN_ZERO
        setattr(struct, name, float(value) or zero)
    elif c_type is ctypes.c_char_p:
        setattr(struct, name, value.encode())
    elif c_type is ctypes.POINTER(abi.dnn_init):
        setattr(struct, name, ctypes.pointer(value.struct))
    elif isinstance(c_type, type) and issubclass(c_type, ctypes.Array):
        set_array(struct, name, c_type, value)
    elif isinstance(c_type, type) and issubclass(c_type, ctypes._Pointer):
        set_counted(struct, name, c_type, value)
    elif hasattr(value, "_as_parameter_"):
        setattr(struct, name, value._as_parameter_)
    elif isinstance(c_type, type) and issubclass(c_type, ctypes._SimpleCData) and c_type is not ctypes.c_void_p:
        setattr(struct, name, as_int(name, value))
    else:
        setattr(struct, name, value)


def as_int(name, value):
    try:
        return int(value.__index__())
    except AttributeError:
        raise errors.ArgumentError(f"{name} is {value!r}, it must be an integer") from None


def describe(struct_type, /, **values):
    """A descriptor with its size set; what is None keeps its default."""
    struct = struct_type()
    if struct_type._fields_[0][0] == "size":
        struct.size = ctypes.sizeof(struct_type)
    field_types = dict(struct_type._fields_)
    names = list(field_types)
    for name, value in values.items():
        if value is None:
            continue
        set_field(struct, name, field_types[name], value)
        flag = names[names.index(name) - 1]
        if flag.startswith("has_"):  # says that the field after it is set
            setattr(struct, flag, 1)
    return struct


# ---- infos -----------------------------------------------------------------------------------------------------------


class Spec:
    """The shape and the dtype of an array that is not there."""

    def __init__(self, shape, dtype="float32"):
        self.shape, self.dtype = tuple(int(n) for n in sequence(shape)), dtype_name(dtype)

    def __repr__(self):
        return f"Spec({self.shape}, {self.dtype!r})"

    def __eq__(self, other):
        return isinstance(other, Spec) and (self.shape, self.dtype) == (other.shape, other.dtype)

    __hash__ = None


def shape_of(array):
    return tuple(array.dims[:array.rank])


def as_python(value):
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, abi.dnn_array):
        return Spec(shape_of(value), value.dtype) if value.dtype else None
    return value


def record(struct):
    """The fields of an info, as attributes of a plain object; those that point into the library are left out."""
    values = {}
    for name, c_type in struct._fields_:
        if name != "size" and c_type is not ctypes.c_void_p:
            values[name] = as_python(getattr(struct, name))
    return types.SimpleNamespace(**values)


def asked(kind, function, *arguments):
    """Lets a function fill in an info, its last parameter, and returns that."""
    struct = kind()
    struct.size = ctypes.sizeof(kind)
    function(*arguments, ctypes.byref(struct))
    return struct
