"""The audit, from Python."""
import numpy as np
import pytest

import dnn


def table(n=300, seed=0):
    """Three classes around three points, in four columns."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    x = rng.normal(size=(n, 4)) + 3 * np.eye(3, 4)[labels]
    return x.astype(np.float32), labels


def test_clean_data_have_no_errors(nothing_left):
    report = dnn.audit(dnn.Dataset.from_arrays(*table()), dnn.Dataset.from_arrays(*table(100, 1)))
    assert report.worst in ("none", "note", "warning"), str(report)
    assert report.figures["samples of train"] == 300 and report.figures["classes"] == 3


def test_what_is_planted_is_found(nothing_left):
    x, labels = table()
    tx, tlabels = table(100, 1)
    x[:, 3] = x[:, 0]
    tx[10:13], tlabels[10:13] = x[20:23], labels[20:23]
    x[5, 2] = np.nan
    labels[7] = -1
    report = dnn.audit(dnn.Dataset.from_arrays(x, labels), dnn.Dataset.from_arrays(tx, tlabels), test_name="val")
    leak = report.find("duplicates-across-split")
    assert leak.samples == [10, 11, 12] and leak.set == "val" and "val[10] = train[20]" in leak.what
    assert report.find("not-finite").samples == [5] and report.find("not-finite").severity == "error"
    assert report.find("labels-negative").samples == [7]
    assert report.find("duplicate-dimensions") is not None
    assert report.find("no-such-finding") is None


def test_pictures_come_with_sheets():
    digits = dnn.digits(80)
    twice = digits.subset(list(range(80)) + [3, 4])
    report = dnn.audit(twice)
    finding = report.find("duplicates")
    assert finding.samples == [80, 81]
    title, image = report.pictures[finding.picture]
    assert image.dtype == np.uint8 and image.shape[2] == 3
    assert dnn.audit(twice, skip=["sheets", "variants"]).pictures == []
    assert dnn.audit(twice, skip=["neighbours"]).find("outliers") is None


def test_label_errors_by_probabilities():
    x, labels = table(90)
    p = np.full((90, 3), 0.05)
    p[np.arange(90), labels] = 0.9
    wrong = (labels[4] + 1) % 3
    p[4] = 0.01
    p[4, wrong] = 0.98
    report = dnn.audit(dnn.Dataset.from_arrays(x, labels), probabilities=p)
    assert report.find("label-errors").samples == [4]
    with pytest.raises(dnn.ShapeError):
        dnn.audit(dnn.Dataset.from_arrays(x, labels), probabilities=p[:, :2])


def test_features_of_a_module():
    x, labels = table(200)
    net = dnn.Sequential(dnn.linear(4, 3), dnn.tanh())
    assert dnn.audit(dnn.Dataset.from_arrays(x, labels), features=net).worst != "error"
    with pytest.raises(dnn.ShapeError):
        dnn.audit(dnn.Dataset.from_arrays(x, labels), features=dnn.linear(5, 3))


def test_it_can_be_stopped():
    seen = []

    def stop(what, done, total):
        seen.append(what)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dnn.audit(dnn.Dataset.from_arrays(*table()), progress=stop)
    assert len(seen) == 3
