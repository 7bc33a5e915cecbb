"""Random search, halving, folders."""
import math
import subprocess
import sys

import pytest

import dnn


def searched(**fields):
    search = dnn.search(**fields)
    search.log_uniform("lr", 1e-4, 1)
    search.integer("layers", 1, 3)
    search.choice("optimizer", [dnn.sgd, dnn.adam])
    return search


def test_a_search(tmp_path):
    search = searched(trials=30, seed=3, folder=tmp_path / "search")
    for trial in search:
        assert 1e-4 <= trial["lr"] <= 1 and trial["layers"] in (1, 2, 3) and trial["optimizer"] in (dnn.sgd, dnn.adam)
        assert trial.state == "running" and math.isnan(trial.value)
        assert trial.tell(1, abs(math.log10(trial["lr"]) + 2))
    assert len(search.trials) == 30 and search.best.value == min(trial.value for trial in search.trials)
    report = search.report()
    assert report.find("parameter-matters").set == "lr" and len(report.pictures) == 1
    again = searched(trials=31, seed=3, folder=tmp_path / "search")
    assert again.next().number == 30


def test_halving_stops_what_is_worse():
    search = searched(trials=16, min_steps=1, max_steps=8)
    for trial in search:
        step = 1
        while trial.tell(step, float(trial.number)):
            step += 1
    assert [trial.steps for trial in search.trials] == [8] + [1] * 15
    assert {trial.state for trial in search.trials} == {"done", "stopped"}


def test_grid_and_values():
    search = dnn.search(method="grid", points=2)
    search.uniform("x", 0, 1)
    search.choice("kind", ["a", "b"])
    seen = []
    for trial in search:
        seen.append(trial.values)
        trial.tell(1, 0.0)
    assert seen == [{"x": x, "kind": kind} for x in (0.0, 1.0) for kind in "ab"]
    assert search[1].values == {"x": 0.0, "kind": "b"}


def test_another_process_has_the_same_trials():
    program = ("import dnn\nsearch = dnn.search(trials=5, seed=9)\nsearch.log_uniform('lr', 1e-5, 1)\n"
               "print([search[i]['lr'] for i in range(5)])")
    search = dnn.search(trials=5, seed=9)
    search.log_uniform("lr", 1e-5, 1)
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == str([search[i]["lr"] for i in range(5)])


def test_misuse():
    search = searched(trials=3)
    with pytest.raises(dnn.NotFoundError, match="no parameter is called"):
        search[0]["rate"]
    with pytest.raises(dnn.NotFoundError, match="no trial has a value"):
        search.best
    trial = search.next()
    with pytest.raises(dnn.StateError, match="trial 0 has no value"):
        search.next()
    with pytest.raises(dnn.ArgumentError, match="step is 0"):
        trial.tell(0, 1.0)
    with pytest.raises(dnn.StateError, match="trials have begun"):
        search.uniform("late", 0, 1)
