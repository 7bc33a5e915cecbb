"""Layers of your own, in Python: a shape rule, a forward and a backward on NumPy arrays."""
import ctypes
import itertools
import sys

import numpy as np

from . import _abi as abi
from . import _library, errors
from ._dtypes import NAMES
from ._library import failure, lib
from ._structs import Init, Spec, sequence, shape_of
from .context import default_context
from .module import Module, c_array
from .tensors import dims_array

_layers = {}  # id, which is the C layer's state: the Python layer
_ids = itertools.count(1)
_classes = {}  # (type, optional callbacks): the class table, which must outlive its modules


class Layer:
    """Base of a layer written in Python. It goes wherever a module goes, and dnn.custom() makes a module of it.

        class Wave(dnn.Layer):
            def __init__(self, features):
                super().__init__()
                self.add_parameter("a", (features,), dnn.init("normal", 1, 0.2))

            def forward(self, call):
                x, a = call.inputs[0], call.parameters[0]
                return x * np.sin(a * x)

            def backward(self, call):
                x, a, dy = call.inputs[0], call.parameters[0], call.output_gradients[0]
                if call.parameter_gradients[0] is not None:
                    call.parameter_gradients[0] += (dy * x * x * np.cos(a * x)).sum(axis=0)
                return dy * (np.sin(a * x) + a * x * np.cos(a * x))

    The arrays of a call are lent: they are good for that call alone, and a layer that keeps one is stopped with an
    error. Callbacks may run for several modules and predictors at once: they must not change the layer.
    """

    reads = ("inputs",)  # what backward looks at: "inputs", "outputs". What it does not read is not kept for it
    repeatable = False   # True: forward may run twice, and writes the same both times; then, where memory has a budget
    #                      (Module.set_memory), what it wrote need not be kept. call.repeated: buffers are left alone

    def __init__(self):
        self._declared = []

    def add_parameter(self, name, shape, init=None):
        """Declares the next parameter: float32, filled as dnn.init() says (default: zeros)."""
        self._declared.append(("parameter", name, shape, init))

    def add_buffer(self, name, shape, init=None):
        """Declares the next buffer: state that is not trained. forward may write to it when training."""
        self._declared.append(("buffer", name, shape, init))

    def shape(self, call):
        """Checks the input shapes (call.inputs: dnn.Spec) and returns what comes out: a shape, of the first input's
        dtype; a dnn.Spec; a list of those; or a dnn.LayerSpec. By default the shape of the only input."""
        if len(call.inputs) != 1:
            raise errors.ShapeError(f"a {self.type()} takes one input, not {len(call.inputs)}")
        return call.inputs[0]

    def forward(self, call):
        """Returns the output array, or a list of them; or None, having written to call.outputs."""
        raise NotImplementedError

    # Optional in a subclass: backward(call) returns dL/dx, or a list of them (None for what has no gradient), or None,
    # having written to call.input_gradients; it adds to call.parameter_gradients. detail() returns a few words for
    # tables. choices(call) returns integers: the choices that forward made on its data, for the gradient check.
    backward = detail = choices = None

    @classmethod
    def type(cls):
        """The name that tables show."""
        return cls.__name__.lower()


class LayerSpec:
    """All that a shape rule can say: outputs and kept (memory from forward to backward), each a list of dnn.Spec;
    flops of the forward; random: the layer draws from call.random()."""

    def __init__(self, outputs, *, kept=(), flops=0.0, random=False):
        self.outputs, self.kept, self.flops, self.random = outputs, kept, flops, random


class Call:
    """What one call of a layer is given. Lists of arrays: inputs, outputs, parameters, buffers, kept; in backward also
    output_gradients, input_gradients and parameter_gradients, with None for what nobody needs (a frozen parameter,
    say). What is not there (an input that backward does not read; kept, when no backward will come) is None. In the
    shape rule inputs and parameters are dnn.Spec. `training`, `path`, `repeated`; random() is a NumPy generator for this call, the
    same in forward and its backward."""

    GRADIENTS = {"output_gradients": "outputs", "input_gradients": "inputs", "parameter_gradients": "parameters"}

    def __init__(self, struct, views=True):
        self.training, self.path = bool(struct.training), (struct.path or b"").decode()
        self.repeated = bool(struct.repeated)
        self._seed = (struct.seed, struct.stream)
        make = view if views else lambda array, _: spec_of(array)
        for name in ("inputs", "parameters") + (("outputs", "buffers", "kept") if views else ()):
            setattr(self, name, arrays(getattr(struct, name), getattr(struct, f"n_{name}"), make, True))

    def add_gradients(self, struct):
        for name, counted in self.GRADIENTS.items():
            readonly = name == "output_gradients"
            setattr(self, name, arrays(getattr(struct, name), getattr(struct, f"n_{counted}"), view, readonly))
        return self

    def writable(self, *names):
        for name in names:
            for array in getattr(self, name):
                if array is not None:
                    array.flags.writeable = True
        return self

    def random(self):
        return np.random.Generator(np.random.Philox(key=self._seed))

    def _lent(self):
        names = ("inputs", "parameters", "outputs", "buffers", "kept", *self.GRADIENTS)
        return [array for name in names for array in getattr(self, name, ()) if array is not None]


def arrays(pointer, count, make, readonly):
    return [make(pointer[i], readonly) for i in range(count)] if pointer else []


def view(array, readonly):
    """A NumPy array over lent memory; None where there is none."""
    shape = shape_of(array)
    if not array.data:
        return None
    dtype = np.dtype(NAMES[array.dtype])
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    made = np.ndarray(shape, dtype, (ctypes.c_char * size).from_address(array.data))  # the base of all views of it
    made.flags.writeable = not readonly
    return made


def spec_of(array):
    return Spec(shape_of(array), array.dtype)


def put(targets, values, what):
    """Copies what a callback returned to where it belongs; shapes must be equal."""
    if values is None:
        return
    values = list(values) if isinstance(values, (list, tuple)) else [values]
    if len(values) != len(targets):
        raise errors.ShapeError(f"{len(values)} {what} were returned, there are {len(targets)}")
    for target, value in zip(targets, values):
        if target is None or value is None:
            continue
        if np.shape(value) != target.shape:
            raise errors.ShapeError(f"{what} have shape {list(np.shape(value))}, expected {list(target.shape)}")
        np.copyto(target, value, casting="same_kind")


# ---- the callbacks ---------------------------------------------------------------------------------------------------


def layer_of(state):
    return _layers[ctypes.cast(state, ctypes.POINTER(ctypes.c_int64))[0]]


def guarded(call, work):
    """Runs a callback on lent arrays, and sees to it that none is kept: their memory is used again right afterwards."""
    lent = call._lent()
    before = [sys.getrefcount(array) for array in lent]
    work()
    after = [sys.getrefcount(array) for array in lent]
    if after != before:
        raise errors.StateError("the layer kept an array of its call, which is only lent: keep a copy")


def field(name):
    return _library.callback(_library.field_type(abi.dnn_layer_class, name))


def as_layer_spec(said, call):
    """What a shape rule returned, as a LayerSpec."""
    if isinstance(said, LayerSpec):
        outputs = said.outputs if isinstance(said.outputs, (list, tuple)) else [said.outputs]
        return LayerSpec(outputs, kept=said.kept, flops=said.flops, random=said.random)
    if isinstance(said, Spec):
        return LayerSpec([said])
    if isinstance(said, (list, tuple)) and said and all(isinstance(s, Spec) for s in said):
        return LayerSpec(list(said))
    return LayerSpec([Spec(said, call.inputs[0].dtype)])


@field("shape")
def _shape(state, call, out):
    layer, call, out = layer_of(state), Call(call.contents, views=False), out.contents
    spec = as_layer_spec(layer.shape(call), call)
    if len(spec.outputs) > abi.DNN_LAYER_MAX_OUTPUTS or len(spec.kept) > abi.DNN_LAYER_MAX_KEPT:
        raise errors.UnsupportedError(f"a layer has at most {abi.DNN_LAYER_MAX_OUTPUTS} outputs and kept arrays")
    out.n_outputs, out.n_kept, out.flops = len(spec.outputs), len(spec.kept), spec.flops
    for target, specs in ((out.outputs, spec.outputs), (out.kept, spec.kept)):
        for i, s in enumerate(specs):
            target[i] = c_array(s)
    out.flags = abi.dnn_layer_flags.DNN_LAYER_RANDOM if spec.random else 0
    reads_outputs = sum(1 << (28 + i) for i in range(len(spec.outputs)))
    out.backward_reads = ((abi.DNN_READS_INPUTS if "inputs" in layer.reads else 0)
                          | (reads_outputs if "outputs" in layer.reads else 0))


@field("forward")
def _forward(state, call):
    layer = layer_of(state)
    call = Call(call.contents).writable("outputs", "kept")
    if call.training and not call.repeated:
        call.writable("buffers")
    guarded(call, lambda: put(call.outputs, layer.forward(call), "outputs"))


@field("backward")
def _backward(state, call):
    layer = layer_of(state)
    call = Call(call.contents).add_gradients(call.contents)
    guarded(call, lambda: put(call.input_gradients, layer.backward(call), "input gradients"))


@field("detail")
def _detail(state, text, size):
    words = layer_of(state).detail().encode()[:max(size - 1, 0)]
    ctypes.memmove(text, words + b"\0", min(len(words) + 1, size))


@field("choices")
def _choices(state, call, signature):
    layer, call = layer_of(state), Call(call.contents)
    for choice in sequence(layer.choices(call)):
        lib.dnn_layer_mix(signature, int(choice) & 0xFFFFFFFFFFFFFFFF)


@field("release")
def _release(state):
    _layers.pop(ctypes.cast(state, ctypes.POINTER(ctypes.c_int64))[0], None)


# ---- making ----------------------------------------------------------------------------------------------------------


def class_table(layer):
    optional = tuple(name for name in ("backward", "detail", "choices") if getattr(layer, name))
    key = (layer.type(), optional, layer.repeatable)
    if key not in _classes:
        table = abi.dnn_layer_class(size=ctypes.sizeof(abi.dnn_layer_class), type=layer.type().encode(), shape=_shape,
                                    forward=_forward, release=_release, repeatable=layer.repeatable)
        for name, function in (("backward", _backward), ("detail", _detail), ("choices", _choices)):
            if name in optional:
                setattr(table, name, function)
        _classes[key] = table
    return _classes[key]


def custom(layer, *, outputs=1, ctx=None):
    """A module that runs a dnn.Layer. `outputs`: how many it has, for calling the module by itself."""
    ctx = ctx or default_context()
    key = next(_ids)
    _layers[key] = layer
    state = ctypes.c_int64(key)
    address = lib.dnn_layer_create(ctx, ctypes.byref(class_table(layer)), ctypes.byref(state), ctypes.sizeof(state))
    if not address:
        _layers.pop(key)
        raise failure()
    module = Module(address, ctx)
    module.n_outputs = outputs
    for kind, name, shape, init in layer._declared:
        add = lib.dnn_layer_add_parameter if kind == "parameter" else lib.dnn_layer_add_buffer
        dims = sequence(shape)
        struct = ctypes.byref(init.struct) if isinstance(init, Init) else None
        add(module, name.encode(), len(dims), dims_array(dims), struct)
    return module
