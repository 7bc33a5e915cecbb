"""Where a NaN comes from."""
import numpy as np

import dnn


def test_autopsy(tmp_path):
    net = dnn.Sequential(dnn.linear(3, 4), dnn.relu(), dnn.linear(4, 2))
    x = np.ones((5, 3), np.float32)
    assert dnn.autopsy(net, x).findings == []
    x[2, 1] = np.inf
    found = dnn.autopsy(net, x, replay=tmp_path / "replay").find("not-finite-input")
    assert found.samples == [2] and (tmp_path / "replay").exists()
    net.parameters()[0].value.numpy()[0, 0] = np.nan
    x[2, 1] = 0
    assert dnn.autopsy(net, x).find("not-finite-parameter").set == "0.weight"


def train(net, opt, monitor, steps, clear=True):
    x = np.linspace(-1, 1, 96, dtype=np.float32).reshape(32, 3)
    target = (x[:, 0] > 0).astype(np.int64)
    loss = dnn.cross_entropy()
    for _ in range(steps):
        if clear:
            opt.zero_grad()
        value, dy = loss(net(x), target)
        net.backward(dy)
        monitor.step(value, x)
        opt.step()


def test_monitor():
    net = dnn.Sequential(dnn.linear(3, 8), dnn.tanh(), dnn.linear(8, 2))
    opt = dnn.adam(net, lr=0.01)
    with dnn.monitor(net, opt) as monitor:
        train(net, opt, monitor, 30)
        assert monitor.worst == "none" and monitor.report().findings == []
        assert monitor.figures.steps == 30 and monitor.figures.gradient_norm > 0
        history = monitor.history()
        assert history.shape == (30, 6) and history[-1, 1] < history[0, 1]
        train(net, opt, monitor, 5, clear=False)
        found = monitor.report().find("gradients-not-cleared")
        assert monitor.worst == found.severity == "error"


def test_monitor_evaluation_and_owners():
    net = dnn.Sequential(dnn.linear(3, 8), dnn.batch_norm(8), dnn.linear(8, 2))
    first, last = dnn.sgd(net.find("0")), dnn.sgd(net.find("2"))
    monitor = dnn.monitor(net, first, ignore=["parameters-without-optimizer"])
    monitor.add_optimizer(last)
    train(net, first, monitor, 3)
    net(np.zeros((4, 3), np.float32))
    monitor.validate(0.5)
    assert [f.name for f in monitor.report().findings] == ["evaluating-in-train-mode"]
