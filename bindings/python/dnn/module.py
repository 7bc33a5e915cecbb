"""Modules: layers and containers, how they run, and what is in them."""
import ctypes
import weakref

from . import _abi as abi
from . import errors
from ._dtypes import dtype_number
from ._handle import Handle, Lender, addresses, created
from ._library import failure, lib
from ._structs import Spec, asked, record, sequence
from .tensors import Tensor, as_tensor
from .weights import load_weights, save_weights

_known = weakref.WeakValueDictionary()  # address: the Python object, so that each module has one


class Runner(Lender):
    """What runs forward: a module, or a predictor. Inputs are tensors or arrays; outputs are lent tensors."""

    n_outputs = 1  # how many outputs it has; a Graph counts its own

    def _run(self, one, many, inputs):
        tensors = [as_tensor(x, self.ctx) for x in inputs]
        lease = self._new_lease()
        if len(tensors) == self.n_outputs == 1:
            y = ctypes.c_void_p()
            one(self, tensors[0], ctypes.byref(y))
            return Tensor._lent(y.value, self.ctx, lease=lease)
        outputs = (ctypes.c_void_p * self.n_outputs)()
        many(self, addresses(tensors), len(tensors), outputs, self.n_outputs)
        lent = tuple(Tensor._lent(y, self.ctx, lease=lease) for y in outputs)
        return lent[0] if len(lent) == 1 else lent


class Module(Handle, Runner):
    """A layer, or a container of modules, with parameters.

        y = net(x)                  forward
        value, dy = loss(y, target)
        net.backward(dy)            adds to the gradients of the parameters

    A module is used by one thread at a time; dnn.Predictor runs one in many. What it lends (outputs, input gradients)
    is good until its next forward. A layer with several outputs that is run by itself must be told: `n_outputs = 3`.
    """

    _release = lib.dnn_module_release
    _lends_until = "the module's next forward"

    def __init__(self, address, ctx):
        super().__init__(address, ctx)
        self._n_inputs = 1
        _known[address] = self

    def release(self):
        if not self.released:
            _known.pop(self._address, None)
        super().release()

    @classmethod
    def _lent(cls, address, ctx):
        """The Python object of a module that a container lends: the one that there is, or a new one with its own
        hold."""
        known = _known.get(address)
        if known is not None and not known.released:
            return known
        lib.dnn_module_retain(address)
        return Module(address, ctx)

    # ---- running

    def __call__(self, *inputs):
        """Runs forward; inside of a graph, applied to its values, it makes a new value."""
        if inputs and isinstance(inputs[0], Value):
            return inputs[0].graph.apply(self, *inputs)
        return self.forward(*inputs)

    def forward(self, *inputs):
        """Runs forward on tensors or arrays. The output, or the tuple of outputs, is lent until the next forward.
        Arrays that were given must not be changed before the backward."""
        self._n_inputs = len(inputs)
        return self._run(lib.dnn_module_forward, lib.dnn_module_forward_n, inputs)

    def backward(self, *gradients, inputs=False):
        """Runs backward from dL/dy, one for each output (None: zeros), once after each forward. inputs=True returns
        dL/dx, lent, or a tuple of them; set_gradients(inputs=True) must have come before the forward."""
        tensors = [None if g is None else as_tensor(g, self.ctx) for g in gradients]
        out = (ctypes.c_void_p * self._n_inputs)() if inputs else None
        lib.dnn_module_backward_n(self, addresses(tensors), len(tensors), out, self._n_inputs if inputs else 0)
        if not inputs:
            return None
        lent = tuple(Tensor._lent(x, self.ctx, lease=self._lease) for x in out)
        return lent[0] if len(lent) == 1 else lent

    def zero_grad(self):
        """Sets all parameter gradients to zero."""
        lib.dnn_module_zero_grad(self)

    @property
    def pending_backwards(self):
        """How many backwards have been added up in the gradients since they were last cleared."""
        return lib.dnn_module_pending_backwards(self)

    # ---- modes

    def train(self):
        lib.dnn_module_train(self)
        return self

    def eval(self):
        lib.dnn_module_eval(self)
        return self

    @property
    def training(self):
        """True, False, or None where some modules below train and some do not."""
        return {1: True, 0: False}.get(lib.dnn_module_is_training(self))

    def freeze(self, pattern="*"):
        """Freezes the parameters whose path matches ('*' any run of characters, '?' one)."""
        lib.dnn_module_freeze(self, pattern.encode())

    def unfreeze(self, pattern="*"):
        lib.dnn_module_unfreeze(self, pattern.encode())

    def set_gradients(self, *, inputs=False, eval=False):
        """Which gradients a backward gives besides those of the parameters in training: of the inputs; in
        evaluation."""
        kinds = abi.dnn_gradients
        flags = (kinds.DNN_GRADIENTS_INPUTS if inputs else 0) | (kinds.DNN_GRADIENTS_EVAL if eval else 0)
        lib.dnn_module_set_gradients(self, flags)

    def set_memory(self, bytes):
        """How many bytes a run that starts here may have beside parameters and inputs: parts of the forward are then
        computed again in the backward. None: as many as it takes; "least": as few as can be."""
        lib.dnn_module_set_memory(self, {None: 0, "least": abi.DNN_MEMORY_LEAST}.get(bytes, bytes))

    def to(self, dtype):
        """Converts all float parameters and buffers to "float32" or "float64"."""
        lib.dnn_module_to(self, dtype_number(dtype))
        return self

    # ---- what is in it

    def _all_parameters(self):
        return [Parameter(self, asked(abi.dnn_parameter, lib.dnn_module_parameter_at, self, i))
                for i in range(lib.dnn_module_parameter_count(self))]

    def parameters(self):
        """All parameters below, each once, in the order in which their modules were added."""
        return [p for p in self._all_parameters() if not p.is_buffer]

    def buffers(self):
        """The state that is not trained: running statistics."""
        return [p for p in self._all_parameters() if p.is_buffer]

    def parameter(self, path):
        """The parameter or buffer of that path: net.parameter("conv1.weight").value.numpy()"""
        return Parameter(self, asked(abi.dnn_parameter, lib.dnn_module_parameter, self, path.encode()))

    def state(self):
        """{path: copy} of all parameters and buffers, as NumPy arrays."""
        return {p.path: p.value.copy() for p in self._all_parameters()}

    def modules(self):
        """{path: module} of this module ("") and all below, parents first."""
        infos = [asked(abi.dnn_module_info, lib.dnn_module_at, self, i) for i in range(lib.dnn_module_count(self))]
        return {info.path.decode(): Module._lent(info.module, self.ctx) for info in infos}

    def find(self, path):
        """The module of that path."""
        address = lib.dnn_module_find(self, path.encode())
        if not address:
            raise failure()
        return Module._lent(address, self.ctx)

    @property
    def type(self):
        """"conv2d", "sequential"."""
        return asked(abi.dnn_module_info, lib.dnn_module_at, self, 0).type.decode()

    def __repr__(self):
        return f"Module({'released' if self.released else self.type!r})"

    def describe(self, *shapes, dtype="float32"):
        """What the module is and costs for inputs of these shapes (or dnn.Spec): net.describe((64, 28, 28, 1))."""
        return Description(self, [s if isinstance(s, Spec) else Spec(s, dtype) for s in shapes])

    def receptive_field(self, *shapes, dtype="float32"):
        """What one place of the output sees of an image: .field, .stride, .start, each (height, width), or .all:
        net.receptive_field((1, 32, 32, 3))."""
        arrays = [c_array(s if isinstance(s, Spec) else Spec(s, dtype)) for s in shapes]
        field = record(asked(abi.dnn_receptive_field, lib.dnn_module_receptive_field, self,
                             (abi.dnn_array * len(arrays))(*arrays), len(arrays)))
        for name in ("field", "stride", "start"):
            setattr(field, name, tuple(getattr(field, name)))
        field.all = bool(field.all)
        return field

    # ---- files

    def save(self, path, *, layout=None, dtype=None, metadata=None, flattened=None):
        """Writes all parameters and buffers to a safetensors file. layout="torch": as PyTorch has them. dtype: what
        floats are stored as. metadata: {text: text}. flattened: {"fc1.weight": (height, width, channels)} of linear
        layers that read flattened images, for layout="torch"."""
        save_weights(self, path, layout, dtype, metadata, flattened)

    def load(self, path, *, layout=None, flattened=None, allow_missing=False, allow_extra=False, allow_cast=False):
        """Reads them back, all or nothing. Names, shapes and dtypes match one to one, but for what is allowed."""
        load_weights(self, path, layout, flattened, allow_missing, allow_extra, allow_cast)


class Parameter:
    """One parameter or buffer: `path`, `value` and `gradient` (None for a buffer), tensors over the module's own memory
    (writing to value changes the module), `is_buffer`, `is_frozen`. Ask again after Module.to()."""

    def __init__(self, module, info):
        self.path = info.path.decode()
        self.value = Tensor._lent(info.value, module.ctx, writable=True)
        self.gradient = Tensor._lent(info.gradient, module.ctx, writable=True)
        self.is_buffer, self.is_frozen = bool(info.is_buffer), bool(info.is_frozen)

    def __repr__(self):
        return f"Parameter({self.path!r}, {self.value.shape}, {self.value.dtype!r})"


# ---- containers ------------------------------------------------------------------------------------------------------


class Container(Module):
    """A module of modules. Children stay usable by themselves; a module in several places is one set of weights. An
    error while building is raised at once, and the container is of no use from then on."""

    _create = None

    def __init__(self, *, ctx=None):
        from .context import default_context
        ctx = ctx or default_context()
        super().__init__(created(type(self)._create, ctx), ctx)
        self._children = set()

    def _hand_over(self, child, add):
        """The container takes over a hold on each child that is new to it: one is made for it first."""
        child = as_module(child, self.ctx)
        address = child._as_parameter_.value
        if address in self._children or child is self:
            return add(child)
        lib.dnn_module_retain(child)
        result = add(child)
        self._children.add(address)
        return result


class Sequential(Container):
    """Runs its children one after another.

        net = dnn.Sequential(dnn.linear(2, 8), dnn.tanh(), dnn.linear(8, 1))
        net = dnn.Sequential(hidden=dnn.linear(2, 8), tanh=dnn.tanh(), out=dnn.linear(8, 1))

    Children without a name have their number as one.
    """

    _create = lib.dnn_sequential_create

    def __init__(self, *children, ctx=None, **named):
        modules = [c for c in (*children, *named.values()) if isinstance(c, Module)]
        super().__init__(ctx=ctx or (modules[0].ctx if modules else None))
        for child in children:
            self.add(child)
        for name, child in named.items():
            self.add(child, name)

    def add(self, child, name=None):
        """Appends a module, or a dnn.Layer; returns this container, so that calls can be chained."""
        name = None if name is None else name.encode()
        self._hand_over(child, lambda child: lib.dnn_sequential_add(self, name, child))
        return self


class Value:
    """A value in a graph. Sums, differences, products and quotients of values, and products with numbers, are
    layers."""

    def __init__(self, graph, number):
        self.graph, self.number = graph, number

    def _apply(self, name, *others, **settings):
        from . import _constructors
        return self.graph.apply(getattr(_constructors, name)(**settings, ctx=self.graph.ctx), self, *others)

    def _with(self, other, name, scaled):
        if isinstance(other, Value):
            return self._apply(name, other)
        if scaled is None or not isinstance(other, (int, float)):
            return NotImplemented
        return self._apply("scale", factor=scaled(other))

    def __add__(self, other):
        return self._with(other, "add", None)

    def __sub__(self, other):
        return self._with(other, "subtract", None)

    def __mul__(self, other):
        return self._with(other, "multiply", float)

    __rmul__ = __mul__

    def __truediv__(self, other):
        return self._with(other, "divide", lambda number: 1 / number)

    def __neg__(self):
        return self._apply("scale", factor=-1.0)

    def __matmul__(self, other):
        return self._with(other, "matmul", None)


class Graph(Container):
    """Any directed acyclic graph of modules.

        g = dnn.Graph()
        x = g.input()
        g.output(x + dnn.linear(8, 8)(x))
    """

    _create = lib.dnn_graph_create
    n_outputs = 0

    def input(self):
        """The graph's next input."""
        return self._value(lib.dnn_graph_input(self))

    def apply(self, child, *inputs, name=None, outputs=1):
        """Feeds a module, or a dnn.Layer, with values; gives its output, or the tuple of its `outputs`. A module that
        is in the graph already is applied again, with the same weights."""
        name = None if name is None else name.encode()
        values = [self._number(value) for value in inputs]
        out = (ctypes.c_int32 * outputs)()
        self._hand_over(child, lambda child: lib.dnn_graph_call(
            self, name, child, (ctypes.c_int32 * len(values))(*values), len(values), out, outputs))
        made = tuple(Value(self, number) for number in out)
        return made[0] if outputs == 1 else made

    def output(self, *values):
        """Declares the graph's next outputs."""
        for value in values:
            lib.dnn_graph_output(self, self._number(value))
            self.n_outputs += 1
        return self

    def _value(self, number):
        if number == abi.DNN_NO_VALUE:
            raise failure()
        return Value(self, number)

    def _number(self, value):
        if isinstance(value, Value) and value.graph is self:
            return value.number
        raise errors.ArgumentError(f"{value!r} is no value of this graph")


def as_module(child, ctx):
    """Modules as they are; a dnn.Layer becomes one."""
    if isinstance(child, Module):
        return child
    from .layer import Layer, custom
    if isinstance(child, Layer):
        return custom(child, ctx=ctx)
    raise errors.ArgumentError(f"{child!r} is no module and no dnn.Layer")


# ---- looking at it, and predicting -----------------------------------------------------------------------------------


class Description(Handle):
    """What a module is and costs: str() is a table, `totals` has the sums, `steps` each step of the plan."""

    _release = lib.dnn_description_release

    def __init__(self, module, specs):
        arrays = (abi.dnn_array * len(specs))(*[c_array(spec) for spec in specs])
        super().__init__(created(lib.dnn_module_describe, module, arrays, len(specs)), module.ctx)

    def __str__(self):
        return lib.dnn_description_text(self).decode()

    @property
    def totals(self):
        return record(asked(abi.dnn_description_totals, lib.dnn_description_totals_get, self))

    @property
    def steps(self):
        return [record(asked(abi.dnn_step_info, lib.dnn_description_step, self, i)) for i in range(self.totals.steps)]


def c_array(spec):
    """A dnn_array of that shape and dtype."""
    dims = sequence(spec.shape)
    if len(dims) > abi.DNN_MAX_RANK:
        raise errors.ShapeError(f"shape {dims} has {len(dims)} axes, {abi.DNN_MAX_RANK} are the most")
    padded = (ctypes.c_int64 * abi.DNN_MAX_RANK)(*dims)
    return abi.dnn_array(dtype=dtype_number(spec.dtype), rank=len(dims), dims=padded)


class Predictor(Handle, Runner):
    """Runs a module in evaluation mode, whatever mode it is in, and cannot change it. Make one for each thread: they
    share the weights, which nobody may change meanwhile. Outputs are lent until the predictor's next run."""

    _release = lib.dnn_predictor_release
    _lends_until = "the predictor's next run"

    def __init__(self, module):
        super().__init__(created(lib.dnn_predictor_create, module), module.ctx)
        self.n_outputs = module.n_outputs

    def __call__(self, *inputs):
        return self._run(lib.dnn_predictor_run, lib.dnn_predictor_run_n, inputs)
