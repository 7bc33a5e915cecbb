"""Tuning: rates and batches, and a module that stays as it was."""
import math

import numpy as np
import pytest

import dnn


@pytest.fixture
def run():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(96, 4)).astype(np.float32)
    target = (x[:, 0] > 0).astype(np.int64)
    net = dnn.Sequential(dnn.linear(4, 16), dnn.relu(), dnn.dropout(0.2), dnn.linear(16, 2))
    return net, dnn.cross_entropy(), dnn.sgd(net, lr=0.1, momentum=0.9), dnn.dataset(x, target)


def weights(net):
    return [p.value.numpy().copy() for p in net.parameters()]


def test_range(run):
    before = weights(run[0])
    report = dnn.tune_range(*run, low=1e-5, high=100, batch_size=16, seed=3)
    result = report.result
    assert 1e-5 < result.valley < 10 and result.points > 0
    assert len(report.pictures) == 1 and "valley" in str(report)
    assert dnn.tune_range(*run, low=1e-5, high=100, batch_size=16, seed=3).result == result
    assert all(np.array_equal(a, b) for a, b in zip(before, weights(run[0])))
    assert run[2].lr == 0.1 and run[2].steps == 0


def test_no_valley_is_said_rather_than_guessed(run):
    report = dnn.tune_range(*run, low=1e-12, high=1e-10)
    assert math.isnan(report.result.valley) and report.find("no-valley").severity == "warning"


def test_sweep(run):
    report = dnn.tune_sweep(*run, rates=[1e-4, 1e-2, 0.1, 1000], steps=40)
    assert report.result.best in (1e-2, 0.1) and report.result.diverged == 1
    assert report.result.best_loss < report.result.first_loss


def test_divergence(run):
    report = dnn.tune_divergence(*run)
    assert report.result.rate == 0.1 < report.result.holds < report.result.diverges
    run[2].lr = 2 * report.result.diverges
    assert dnn.tune_divergence(*run).find("rate-too-high").severity == "error"


def test_batch(run):
    small = dnn.tune_batch(*run, budget=20000, untimed=True).result
    assert 1 <= small.largest < 96 and small.bytes <= 20000 < small.next_bytes
    assert dnn.tune_batch(*run).result.largest == 96
    assert dnn.tune_batch(*run, budget=10, untimed=True).find("batch-too-large")
    assert dnn.memory_available() > 0


def test_progress_can_stop_it(run):
    seen = []

    def stop(what, done, total):
        seen.append((what, done, total))
        if done == 5:
            raise RuntimeError("enough")

    with pytest.raises(dnn.CallbackError, match="enough"):
        dnn.tune_sweep(*run, progress=stop)
    assert seen[0][0] == "sweep" and seen[0][1] == 0 and len(seen) == 6
