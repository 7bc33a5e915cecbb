"""Reports, summaries, looking at batches, sheets, the shape probe."""
import numpy as np
import pytest

import dnn


def pictures(n=40, scale=1.0):
    x = np.random.default_rng(0).random((n, 8, 8, 3), dtype=np.float32) * np.float32(scale)
    return dnn.Dataset.from_arrays(x, np.arange(n) % 4)


# ---- reports


def test_a_report_of_ones_own():
    report = dnn.Report("my check")
    number = report.add_picture("a picture", np.full((3, 5, 3), 7, np.uint8))
    report.add("warning", "odd-thing", "Something is odd.", how="x = 3", action="look", set="train", samples=[4, 9],
               picture=number)
    report.add("error", "bad-thing", "Something is bad.")
    report.add_figure("loss", 2.5, "nats")
    report.add_section("table", "a b\nc d\n", {"rows": [1, 2]})
    assert report.worst == "error" and [f.name for f in report.findings] == ["bad-thing", "odd-thing"]
    odd = report.find("odd-thing")
    assert (odd.severity, odd.samples, odd.picture, odd.set) == ("warning", [4, 9], 0, "train")
    assert report.find("bad-thing").picture is None and report.find("none") is None
    assert report.figures == {"loss": 2.5}
    assert report.sections[0].data == {"rows": [1, 2]}
    title, image = report.pictures[0]
    assert title == "a picture" and image.shape == (3, 5, 3) and (image == 7).all()
    assert report.json()["findings"][0]["name"] == "bad-thing"
    assert str(report).startswith("my check: 1 error, 1 warning\n")


def test_a_page(tmp_path):
    report = dnn.Report("<script>")
    report.add("error", "x", "<b>&")
    report.write_html(tmp_path / "page.html", title="a title")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h1>a title</h1>" in page and "&lt;b&gt;&amp;" in page and "<script" not in page
    assert "&lt;!doctype html&gt;" in report._repr_html_()
    with pytest.raises(dnn.FileError):
        report.write_html(tmp_path / "none" / "page.html")


def test_wrong_calls():
    report = dnn.Report("t")
    with pytest.raises(dnn.ArgumentError):
        report.add("terrible", "x", "y")
    with pytest.raises(dnn.NotFoundError):
        report.add("note", "x", "y", picture=3)
    with pytest.raises(dnn.ShapeError):
        report.add_picture("p", np.zeros((3, 5), np.uint8))


# ---- summaries


def test_summary():
    x = np.array([[1, 5, np.nan], [2, 5, 3], [3, 5, 4]], np.float32)
    summary = dnn.summarise(dnn.Dataset.from_arrays(x, np.array([0, 1, 1])), name="train")
    values = summary.values(channel=0)
    assert len(summary) == 3 and summary.channels() == 3
    assert values.mean == 2 and values.median == 2 and values.std == pytest.approx(np.std([1, 2, 3]))
    assert summary.values().nans == 1 and summary.constant() == [1]
    assert summary.class_counts == [1, 2] and summary.classes.least == 0
    assert summary.json()["input"]["shape"] == [3]
    assert str(summary).startswith("train: 3 samples\n")
    assert summary.bars().shape[2] == 3 and summary.histogram(channel=0).shape == (480, 720, 3)
    report = dnn.Report("data")
    report.append(summary)
    assert len(report.pictures) == 2 and report.sections[0].title == "train"


def test_progress_and_stop():
    told = []
    dnn.summarise(pictures(), progress=lambda *told_of: told.append(told_of))
    assert told[-1] == ("summary", 40, 40)

    def stop(what, done, total):
        raise KeyError("enough")

    with pytest.raises((KeyError, dnn.CallbackError)):
        dnn.summarise(pictures(), progress=stop)


# ---- what the model gets


def test_look():
    loader = dnn.Loader(pictures(), 8, shuffle=True, seed=3)
    expected = [x.copy() for x, _ in dnn.Loader(pictures(), 8, shuffle=True, seed=3)]
    report = dnn.look(loader, low=0, high=1)
    assert report.worst == "none" and "input max" in report.figures
    for want, (x, _) in zip(expected, loader):
        assert np.array_equal(want, x.numpy())


def test_look_finds_what_was_scaled_twice():
    report = dnn.look(dnn.Loader(pictures(scale=1 / 255), 16), low=0, high=1)
    found = report.find("scaled-twice")
    assert found.severity == "error" and "Scaled twice?" in found.what


def test_what_was_lent_is_taken_back():
    loader = dnn.Loader(pictures(), 8)
    x, _ = loader.next()
    dnn.look(loader)
    with pytest.raises(dnn.StateError):
        x.numpy()


def test_sheets():
    data = pictures()
    assert dnn.sheet_of(data, title="random").shape[2] == 3
    assert dnn.sheet_of(data, "by_class", count=3).shape[2] == 3
    best = dnn.sheet_of(data, scores=np.arange(40), count=2, zoom=2)
    given = dnn.sheet_of(data, indices=[39, 38], zoom=2)
    assert best.shape[0] == given.shape[0]
    assert dnn.sheet_of_draws(data, rows=2, draws=3).shape[2] == 3
    with pytest.raises(ValueError):
        dnn.sheet_of(data, scores=[1, 2])
    with pytest.raises(dnn.ShapeError):
        dnn.sheet_of(dnn.Dataset.from_arrays(np.zeros((4, 7), np.float32)))


# ---- probe


def test_probe():
    net = dnn.Sequential(dnn.conv2d(3, 4, kernel=3), dnn.relu(), dnn.adaptive_avg_pool2d(1, 1), dnn.flatten(),
                         dnn.linear(4, 2))
    report = dnn.probe(net, (16, 28, 28, 3))
    assert report.worst == "none"
    mixed = dnn.Sequential(dnn.permute([1, 0]), dnn.softmax(-1), dnn.permute([1, 0]))
    assert dnn.probe(mixed, (16, 5)).find("samples-mix").severity == "error"
