"""Checkpoints, averages and metrics: a run goes on where it stopped, and what it is worth is counted."""
import math

import numpy as np
import pytest

import dnn


class Run:
    def __init__(self):
        self.ctx = dnn.Context(seed=4)
        self.net = dnn.Sequential(dnn.flatten(ctx=self.ctx), dnn.dropout(0.2, ctx=self.ctx),
                                  dnn.linear(64, 10, ctx=self.ctx))
        self.loss, self.opt = dnn.cross_entropy(ctx=self.ctx), dnn.adam(self.net)
        self.average = dnn.average(self.net)
        self.loader = dnn.Loader(dnn.digits(count=40, image_size=8, ctx=self.ctx), 8, shuffle=True)
        self.batches = iter(())
        self.history = dnn.zeros((20,), "float64", ctx=self.ctx)

    @property
    def parts(self):
        return dict(module=self.net, optimizer=self.opt, loader=self.loader, average=self.average,
                    tensors={"history": self.history})

    def step(self):
        x, target = next(self.batches, (None, None))
        if x is None:
            self.batches = iter(self.loader)
            x, target = next(self.batches)
        self.opt.zero_grad()
        value, dy = self.loss(self.net(x), target)
        self.net.backward(dy)
        self.opt.step()
        self.average.update()
        self.history.numpy()[self.opt.steps - 1] = value

    def bits(self):
        return self.history.copy().tobytes() + b"".join(p.value.copy().tobytes() for p in self.net.parameters())


def test_a_resumed_run_is_the_same(tmp_path):
    run, resumed = Run(), Run()
    for _ in range(7):
        run.step()
    dnn.save_checkpoint(tmp_path / "run", **run.parts, metadata={"accuracy": 0.5})
    for _ in range(6):
        run.step()
    assert dnn.resume(tmp_path / "run", **resumed.parts) == 7
    for _ in range(6):
        resumed.step()
    assert run.bits() == resumed.bits()


def test_what_is_not_there_and_what_does_not_fit(tmp_path):
    run = Run()
    with pytest.raises(dnn.NotFoundError):
        dnn.resume(tmp_path / "none", **run.parts)
    dnn.write_checkpoint(tmp_path / "one", module=run.net)
    dnn.read_checkpoint(tmp_path / "one", module=run.net)
    with pytest.raises(dnn.NotFoundError, match="optimizer.steps"):
        dnn.read_checkpoint(tmp_path / "one", module=run.net, optimizer=run.opt)
    (tmp_path / "one").write_bytes((tmp_path / "one").read_bytes()[:-9])
    with pytest.raises(dnn.FormatError):
        dnn.read_checkpoint(tmp_path / "one", module=run.net)


def test_resume_test_finds_what_is_forgotten(tmp_path):
    run, hidden = Run(), []
    run.step()
    assert dnn.resume_test(tmp_path / "test", run.step, 3, **run.parts).findings == []

    def step():
        run.step()
        hidden.append(1)
        run.history.numpy()[19] = len(hidden)

    report = dnn.resume_test(tmp_path / "test", step, 3, **run.parts)
    assert report.find("resumed-run-differs").set == "host.history"
    with pytest.raises(dnn.CallbackError, match="division by zero"):
        dnn.resume_test(tmp_path / "test", lambda: 1 / 0, 3, **run.parts)


def test_average():
    net = dnn.linear(2, 1)
    average = dnn.average(net, "equal")
    weight = next(iter(net.parameters())).value
    for value in (1.0, 4.0):
        weight.numpy()[:] = value
        average.update()
    with average.swapped():
        assert average.is_swapped and weight.copy().tolist() == [[2.5, 2.5]]
    assert weight.copy().tolist() == [[4, 4]] and average.updates == 2
    average.swap()
    with pytest.raises(dnn.StateError):
        average.update()


def test_metrics():
    metrics = dnn.metrics(classes=3, names=["ant", "bee", "cat"], auc=True)
    scores = np.array([[2, 0, 0], [0, 1, 0], [3, 0, 1]], np.float32)
    metrics.add(scores, np.array([0, 1, 2]))
    assert metrics["accuracy"] == pytest.approx(2 / 3)
    assert metrics.per_class("recall") == [1, 1, 0]
    assert metrics.confusion.copy().tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0]]
    assert "cat" in str(metrics.report())
    with pytest.raises(dnn.NotFoundError, match="metrics.h names them"):
        metrics["beauty"]
    metrics.reset()
    assert math.isnan(metrics["accuracy"])
    numbers = dnn.metrics()
    numbers.add(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    assert numbers["mse"] == 2 and numbers["r2"] == pytest.approx(1 - 4 / 4.5)
    assert dnn.quartiles([3, 1, 2, 5, 4]) == [1, 2, 0, 4, 3]
