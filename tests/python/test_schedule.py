"""Schedules set the rate by the epoch."""
import math

import pytest

import dnn


def test_cosine_with_warmup():
    schedule = dnn.schedule("cosine", lr=0.1, epochs=20, warmup=4, warmup_start=0)
    assert schedule.rate(2) == pytest.approx(0.05)
    assert schedule.rate(12) == pytest.approx(0.05)
    assert schedule.rate(20) == pytest.approx(0)


def test_apply_sets_the_optimizers_rate():
    optimizer = dnn.sgd(dnn.linear(2, 1))
    dnn.schedule("multistep", lr=1, milestones=[2, 5], gamma=0.5).apply(optimizer, 5)
    assert optimizer.lr == 0.25


def test_plateau_and_its_state():
    schedule = dnn.schedule("plateau", lr=1, gamma=0.5, patience=1)
    for loss in (3, 2, 2, 2):
        schedule.observe(loss)
    assert schedule.rate(0) == 0.5
    assert schedule.state.copy().tolist() == [2, 0, 1, 0]
    assert math.isclose(dnn.schedule("constant", lr=0.3).rate(9), 0.3)


def test_refusals():
    with pytest.raises(dnn.ArgumentError, match="desc.epochs is 0"):
        dnn.schedule("cosine", lr=0.1)
    with pytest.raises(dnn.ArgumentError, match='"sine" is none of'):
        dnn.schedule("sine", lr=0.1)
    with pytest.raises(dnn.ArgumentError, match="epoch is -1"):
        dnn.schedule("constant", lr=0.1).rate(-1)
    with pytest.raises(dnn.StateError):
        dnn.schedule("constant", lr=0.1).observe(1)
    with pytest.raises(dnn.StateError):
        dnn.schedule("constant", lr=0.1).state
