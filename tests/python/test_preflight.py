"""Preflight, from Python."""
import numpy as np
import pytest

import dnn


def run(outputs=3, n=300):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, n)
    x = (0.4 * rng.normal(size=(n, 4)) + 2 * np.eye(3, 4)[labels]).astype(np.float32)
    net = dnn.Sequential(dnn.linear(4, 16), dnn.relu(), dnn.linear(16, outputs))
    return net, dnn.cross_entropy(), dnn.adam(net, lr=0.01), dnn.Dataset.from_arrays(x, labels)


def test_a_good_run_has_no_errors(nothing_left):
    report = dnn.preflight(*run())
    assert report.worst != "error", str(report)
    assert report.figures["first loss"] < 2


def test_mistakes_are_named(nothing_left):
    net, loss, opt, data = run(outputs=2)
    assert dnn.preflight(net, loss, opt, data).find("wrong-class-count").severity == "error"
    assert dnn.preflight_first_loss(net, loss, data).find("wrong-class-count") is not None
    assert dnn.preflight(net, loss, opt, data, skip=["first_loss", "overfit", "baselines", "rehearsal"]).find("wrong-class-count") is None
    assert dnn.preflight_data(net, data, augments=True).find("same-every-epoch") is not None
    assert dnn.preflight_memory(net, opt, data, memory_budget=100).find("memory") is not None
    assert dnn.preflight_gradients(*run()[:2], data).find("gradient-wrong") is None
    with pytest.raises(dnn.ArgumentError):
        dnn.preflight(net, loss, run()[2], data)


def test_experiments_and_rehearsal(nothing_left, tmp_path):
    net, loss, opt, data = run()
    before = [p.value.numpy().copy() for p in net.parameters()]
    steps = []
    report = dnn.preflight_rehearsal(net, loss, opt, data, folder=tmp_path, epochs=2, log=lambda n, v: steps.append(n))
    assert report.worst == "none", str(report)
    assert steps[:2] == [1, 2] and report.figures["bytes of a checkpoint"] > 0 and not list(tmp_path.iterdir())
    assert dnn.preflight_overfit(net, loss, opt, data).find("does-not-overfit") is None
    assert dnn.preflight_baselines(net, loss, opt, data).figures["short training"] < 0.5
    for p, value in zip(net.parameters(), before):
        assert np.array_equal(p.value.numpy(), value)


def test_it_can_be_stopped():
    def stop(what, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dnn.preflight(*run(), progress=stop)
