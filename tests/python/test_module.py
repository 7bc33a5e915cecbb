"""Containers, what is in them, what they lend, who runs them."""
import gc
import threading

import numpy as np
import pytest

import dnn


def small(ctx=None):
    return dnn.Sequential(fc1=dnn.linear(4, 8, ctx=ctx), relu=dnn.relu(ctx=ctx), fc2=dnn.linear(8, 3, ctx=ctx))


def test_arguments_reach_the_library():
    text = str(dnn.Sequential(
        dnn.conv2d(2, 4, 3, stride=2, pad=(1, 0, 1, 0), groups=2), dnn.layer_norm((4,), bias=False),
        dnn.max_pool2d(2), dnn.reshape((2, -1)), dnn.permute((0, 2, 1)), dnn.pad((0, 1), (0, 0, 2)),
        dnn.slice(1, 0, -1), dnn.mean(axes=-1, keep_dims=True)).describe((5, 9, 9, 2)))
    for part in ("2→4", "groups 2", "[5,4,4,4]", "[5,2,2,4]", "[5,2,8]", "[5,8,2]", "[5,9,4]", "[5,9,1]"):
        assert part in text, text


def test_describe():
    description = small().describe((2, 4))
    assert description.totals.parameters == 4 * 8 + 8 + 8 * 3 + 3
    assert [step.type for step in description.steps] == ["linear", "relu", "linear"]
    assert description.steps[2].output == dnn.Spec((2, 3)) and description.steps[0].path == "fc1"


def test_a_budget_for_memory():
    layers = [layer for i in range(24) for layer in (dnn.linear(16, 16), dnn.tanh())]
    net, x = dnn.Sequential(*layers), np.ones((200, 16), np.float32)
    free, y = net.describe(x.shape).totals, net(x).numpy().copy()
    net.set_memory(free.arena_bytes * 3 // 4)
    totals = net.describe(x.shape).totals
    assert 0 < totals.recomputed_steps and totals.arena_bytes <= free.arena_bytes * 3 // 4
    assert totals.arena_bytes_without == free.arena_bytes and (net(x).numpy() == y).all()
    net.set_memory(1000)
    with pytest.raises(MemoryError, match="the arena needs at least"):
        net(x)
    net.set_memory("least")
    assert net.describe(x.shape).totals.arena_bytes < totals.arena_bytes
    net.set_memory(None)
    assert net.describe(x.shape).totals.recomputed_steps == 0


def test_walking():
    net = small()
    assert [p.path for p in net.parameters()] == ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]
    assert list(net.modules()) == ["", "fc1", "relu", "fc2"] and net.modules()[""] is net
    assert net.find("fc2").type == "linear" and net.find("fc2") is net.find("fc2")
    weight = net.parameter("fc1.weight")
    assert weight.value.shape == weight.gradient.shape == (8, 4) and not weight.is_frozen
    weight.value.numpy()[...] = 0
    assert not net.state()["fc1.weight"].any()
    norm = dnn.batch_norm(3)
    assert [p.path for p in norm.buffers()] == ["running_mean", "running_var"] and norm.buffers()[0].gradient is None
    with pytest.raises(dnn.NotFoundError, match="fc9"):
        net.parameter("fc9.weight")
    with pytest.raises(LookupError):
        net.find("nowhere")


def test_modes_and_freezing():
    net = small()
    assert net.training is True
    net.find("relu").eval()
    assert net.training is None
    assert net.eval().training is False
    net.train().freeze("fc1.*")
    assert [p.is_frozen for p in net.parameters()] == [True, True, False, False]
    net.unfreeze()
    assert not any(p.is_frozen for p in net.parameters())
    assert net.to("float64").parameters()[0].value.dtype == "float64"


def test_input_gradients_and_evaluation():
    net = small().eval()
    x = np.ones((2, 4), np.float32)
    with pytest.raises(dnn.StateError):
        net(x)
        net.backward(np.ones((2, 3), np.float32))
    net.set_gradients(inputs=True, eval=True)
    net(x)
    dx = net.backward(np.ones((2, 3), np.float32), inputs=True)
    assert dx.shape == (2, 4) and net.pending_backwards == 1
    net.zero_grad()
    assert net.pending_backwards == 0


def test_a_graph_computes_what_it_says():
    g = dnn.Graph()
    a, b = g.input(), g.input()
    fc = dnn.linear(3, 3, bias=False)
    shared = fc(a) + fc(b)
    g.output((a * b - 2 * shared) / 4, -a)
    weight = g.parameter("0.weight").value.numpy()
    x, y = np.float32([[1, 2, 3]]), np.float32([[4, 5, 6]])
    first, second = g(x, y)
    assert np.allclose(first.numpy(), (x * y - 2 * (x @ weight.T + y @ weight.T)) / 4, atol=1e-5)
    assert np.array_equal(second.numpy(), -x)
    g.backward(np.ones_like(x), None)
    assert np.allclose(g.parameter("0.weight").gradient.numpy(), -(x + y) / 2 * np.ones((3, 1)), atol=1e-5)
    assert len(g.parameters()) == 1


def test_wrong_building_is_an_exception_at_once():
    with pytest.raises(dnn.ArgumentError, match="in_features"):
        dnn.linear(0, 3)
    with pytest.raises(dnn.ArgumentError, match="in_features is 1.5"):
        dnn.linear(1.5, 3)
    assert dnn.reshape(6)(np.zeros((2, 3, 2), np.float32)).shape == (2, 6)
    with pytest.raises(dnn.ArgumentError, match="kernel has 3 numbers"):
        dnn.conv2d(1, 1, (3, 3, 3))
    net = small()
    with pytest.raises(dnn.ArgumentError, match='"fc1"'):
        net.add(dnn.relu(), "fc1")
    with pytest.raises(dnn.ArgumentError, match='"fc1"'):
        net(np.ones((1, 4), np.float32))
    with pytest.raises(dnn.ArgumentError, match="no module"):
        dnn.Sequential("relu")
    g, other = dnn.Graph(), dnn.Graph()
    with pytest.raises(dnn.ArgumentError, match="no value of this graph"):
        g.apply(dnn.relu(), other.input())
    with pytest.raises(dnn.HandleError, match="two contexts"):
        dnn.Sequential(dnn.relu(ctx=dnn.Context()), dnn.relu())


def test_wrong_running_names_the_layer_and_the_shapes():
    net = small()
    with pytest.raises(dnn.ShapeError, match=r"fc1: .*5.*4"):
        net(np.ones((2, 5), np.float32))
    with pytest.raises(dnn.DTypeError, match="fc1"):
        net(np.ones((2, 4)))
    with pytest.raises(dnn.StateError):
        small().backward(np.ones((2, 3), np.float32))


def test_what_is_lent_ends_and_says_so():
    net = small()
    x = np.ones((2, 4), np.float32)
    first = net(x)
    view, kept = first.numpy(), first.copy()
    assert not view.flags.writeable
    net(2 * x)
    with pytest.raises(dnn.StateError, match="lent until the module's next forward"):
        first.numpy()
    net(np.ones((500, 4), np.float32))  # another plan, a larger arena: the old memory must still be there
    del net, first
    gc.collect()
    assert view.shape == kept.shape and np.isfinite(view).all()


def test_objects_may_be_released_in_any_order(nothing_left):
    ctx = dnn.Context()
    net = small(ctx)
    opt, loss = dnn.adam(net), dnn.mse(ctx=ctx)
    x, target = dnn.tensor(np.ones((2, 4), np.float32), ctx=ctx), dnn.zeros((2, 3), ctx=ctx)
    fc1, predict = net.find("fc1"), dnn.Predictor(net)
    x2 = dnn.tensor(np.ones((2, 4), np.float32), ctx=ctx)
    y = net(x)
    _, dy = loss(y, target)
    ctx.release()
    x.release()
    net.backward(dy)
    net.release()
    opt.step()
    assert predict(x2).shape == (2, 3)
    assert fc1.parameters()[0].value.shape == (8, 4)
    for thing in (opt, loss, y, dy, x2, predict, fc1, target):
        thing.release()
    with pytest.raises(dnn.HandleError, match="this Module was released|this Sequential was released"):
        net.eval()


def test_children_stay_usable(nothing_left):
    fc = dnn.linear(2, 2)
    net, other = dnn.Sequential(fc), dnn.Sequential(fc, dnn.relu())
    net.add(fc)
    assert len(net.parameters()) == 2
    net.release()
    x = np.ones((1, 2), np.float32)
    assert np.allclose(np.maximum(fc(x).copy(), 0), other(x).numpy())
    g = dnn.Graph()
    g.output(fc(fc(g.input())))
    fc.release()
    assert g(x).shape == (1, 2)


def test_predictors_in_threads():
    net = small()
    xs = np.random.default_rng(0).normal(size=(16, 32, 4)).astype(np.float32)
    expected = [dnn.Predictor(net)(x).copy() for x in xs]
    wrong = []

    def work(part):
        with dnn.Predictor(net) as predict:
            for _ in range(20):
                wrong.extend(i for i in part if not np.array_equal(predict(xs[i]).numpy(), expected[i]))

    threads = [threading.Thread(target=work, args=(range(k, 16, 4),)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_weights_go_there_and_back(tmp_path):
    net, other = small(), small()
    net.save(tmp_path / "w.safetensors", metadata={"made by": "a test"}, dtype="float16")
    with pytest.raises(dnn.DTypeError):
        other.load(tmp_path / "w.safetensors")
    other.load(tmp_path / "w.safetensors", allow_cast=True)
    for path, value in net.state().items():
        assert np.array_equal(value.astype(np.float16).astype(np.float32), other.state()[path])
    with pytest.raises(dnn.NotFoundError):
        dnn.linear(2, 2).load(tmp_path / "w.safetensors")
    with pytest.raises(OSError, match="no-such-file"):
        net.load(tmp_path / "no-such-file")
    (tmp_path / "bad").write_bytes(b"\xff" * 20)
    with pytest.raises(dnn.FormatError):
        net.load(tmp_path / "bad")
