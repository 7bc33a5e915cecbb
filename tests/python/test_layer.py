"""Layers written in Python are checked and trained as the built-in ones."""
import numpy as np
import pytest

import dnn


class Wave(dnn.Layer):
    """y = x sin(a x), one a for each feature."""

    def __init__(self, features):
        super().__init__()
        self.features = features
        self.add_parameter("a", (features,), dnn.init("normal", 1, 0.2))

    def shape(self, call):
        if call.inputs[0].shape[-1] != self.features:
            raise dnn.ShapeError(f"a wave of {self.features} features sees {call.inputs[0].shape[-1]}")
        return call.inputs[0].shape

    def forward(self, call):
        x, a = call.inputs[0], call.parameters[0]
        return x * np.sin(a * x)

    def backward(self, call):
        x, a, dy = call.inputs[0], call.parameters[0], call.output_gradients[0]
        if call.parameter_gradients[0] is not None:
            call.parameter_gradients[0] += (dy * x * x * np.cos(a * x)).reshape(-1, self.features).sum(axis=0)
        return dy * (np.sin(a * x) + a * x * np.cos(a * x))

    def detail(self):
        return f"{self.features} features"


class Split(dnn.Layer):
    """Two outputs: max(x, 0) and the square, with what backward needs kept by hand."""

    reads = ()

    def shape(self, call):
        x = call.inputs[0]
        return dnn.LayerSpec([x, dnn.Spec(x.shape, x.dtype)], kept=[x], flops=2.0 * np.prod(x.shape))

    def forward(self, call):
        assert call.outputs[0].flags.writeable and not call.inputs[0].flags.writeable
        if call.kept[0] is not None:
            call.kept[0][...] = call.inputs[0]
        call.outputs[0][...] = np.maximum(call.inputs[0], 0)
        call.outputs[1][...] = call.inputs[0] ** 2

    def backward(self, call):
        assert call.inputs[0] is None
        x, (first, second) = call.kept[0], call.output_gradients
        return first * (x > 0) + second * 2 * x

    def choices(self, call):
        return (call.inputs[0] > 0).ravel()


class Wrong(Wave):
    def backward(self, call):
        return 1.01 * call.output_gradients[0]


def x_of(*shape):
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def test_it_computes_and_is_described(ctx, nothing_left):
    net = dnn.Sequential(dnn.linear(2, 3, ctx=ctx), ctx=ctx).add(Wave(3), "wave")
    assert "3 features" in str(net.describe((5, 2)))
    x = x_of(5, 2)
    hidden = net.find("0")(x).copy()
    a = net.parameter("wave.a").value.numpy()
    assert np.allclose(net(x).numpy(), hidden * np.sin(a * hidden), atol=1e-6)


def test_its_gradients_are_checked(nothing_left):
    for layer in (Wave(3), dnn.Sequential(dnn.linear(3, 3), Wave(3))):
        report = dnn.check_gradients(layer, x_of(4, 3))
        assert report.passed, str(report)
    report = dnn.check_gradients(dnn.custom(Wrong(3)), x_of(4, 3))
    assert report.verdict == "FAIL" and report.worst.path in ("a", "input 0") and report.figures.failed > 0
    assert report.json() and report.rows and report.findings


def test_several_outputs_and_kept_arrays(nothing_left):
    g = dnn.Graph()
    a, b = g.apply(Split(), g.input(), outputs=2)
    g.output(a + b)
    x = x_of(3, 4)
    assert np.allclose(g(x).numpy(), np.maximum(x, 0) + x * x)
    report = dnn.check_gradients(g, x)
    assert report.passed, str(report)
    first, second = dnn.custom(Split(), outputs=2)(x)
    assert first.shape == second.shape == (3, 4)


def test_it_trains(ctx):
    net = dnn.Sequential(dnn.linear(1, 8, ctx=ctx), Wave(8), dnn.linear(8, 1, ctx=ctx), ctx=ctx)
    x = np.linspace(-2, 2, 64, dtype=np.float32).reshape(64, 1)
    loss, opt = dnn.mse(ctx=ctx), dnn.adam(net, lr=0.02)
    values = []
    for _ in range(300):
        opt.zero_grad()
        value, dy = loss(net(x), x * np.sin(2 * x))
        net.backward(dy)
        opt.step()
        values.append(value)
    assert values[-1] < 0.1 * values[0]


def test_its_errors_keep_their_kind_their_path_and_their_cause():
    with pytest.raises(dnn.ShapeError, match="wave: a wave of 3 features sees 2"):
        dnn.Sequential(wave=Wave(3))(x_of(1, 2))

    class Broken(dnn.Layer):
        def forward(self, call):
            raise ZeroDivisionError("by design")

    with pytest.raises(dnn.CallbackError, match="0: ZeroDivisionError: by design") as caught:
        dnn.Sequential(Broken())(x_of(1, 2))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)

    class Interrupted(dnn.Layer):
        def forward(self, call):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dnn.Sequential(Interrupted())(x_of(1, 2))


def test_wrong_shapes_and_kept_arrays_are_caught():
    class Flat(dnn.Layer):
        def forward(self, call):
            return call.inputs[0].sum()

    with pytest.raises(dnn.ShapeError, match=r"outputs have shape \[\], expected \[1, 2\]"):
        dnn.Sequential(Flat())(x_of(1, 2))

    class Hoarder(dnn.Layer):
        def forward(self, call):
            self.x = call.inputs[0][:1]
            return call.inputs[0]

    with pytest.raises(dnn.StateError, match="only lent"):
        dnn.Sequential(Hoarder())(x_of(1, 2))

    class NoBackward(dnn.Layer):
        def forward(self, call):
            return call.inputs[0]

    net = dnn.Sequential(dnn.linear(2, 2), NoBackward())
    with pytest.raises(dnn.UnsupportedError):
        net(x_of(1, 2))
    assert dnn.Predictor(net)(x_of(1, 2)).shape == (1, 2)


def test_random_is_the_same_in_forward_and_backward():
    class Noise(dnn.Layer):
        def shape(self, call):
            return dnn.LayerSpec(call.inputs[0], random=True)

        def forward(self, call):
            return call.inputs[0] * call.random().random(call.inputs[0].shape)

        def backward(self, call):
            return call.output_gradients[0] * call.random().random(call.output_gradients[0].shape)

    net = dnn.Sequential(Noise())
    net.set_gradients(inputs=True)
    one = np.ones((2, 3), np.float32)
    first = net(one).copy()
    assert np.array_equal(net.backward(one, inputs=True).numpy(), first)
    assert not np.array_equal(net(one).numpy(), first)


def test_a_layer_that_may_be_repeated():
    class Again(Wave):
        repeatable = True
        runs = []

        def forward(self, call):
            self.runs.append(call.repeated)
            return super().forward(call)

    def gradients(budget):
        ctx = dnn.Context(seed=3)
        layers = [layer for _ in range(12) for layer in (dnn.linear(8, 8, ctx=ctx), dnn.custom(Again(8), ctx=ctx))]
        net = dnn.Sequential(*layers, dnn.linear(8, 2, ctx=ctx))
        net.set_memory(budget)
        net.backward(net(np.ones((300, 8), np.float32)))
        return [p.gradient.numpy().copy() for p in net.parameters()]

    kept, once = gradients(None), Again.runs.copy()
    assert all((a == b).all() for a, b in zip(kept, gradients("least")))
    assert once == 12 * [False] and True in Again.runs
