"""Runs: what is in the folder, as others read it; TensorBoard's own package reads the event files."""
import csv
import io
import json
import sys

import numpy as np
import pytest

import dnn


def settled(folder):
    return json.loads((folder / "run.json").read_text())


def make_run(folder, lr=0.1, **options):
    with dnn.Run(folder, lr=lr, optimizer="adam", shuffle=True, **options) as run:
        for step in range(10):
            run.scalar("loss/train", step, 1 / (step + 1))
    return folder


def test_folder(tmp_path):
    folder = make_run(tmp_path / "runs" / "one")
    about = settled(folder)
    assert about["status"] == "done" and about["arguments"] == sys.argv and about["name"] == "one"
    assert about["settings"] == {"lr": 0.1, "optimizer": "adam", "shuffle": True}
    assert about["machine"]["version"] == dnn.library_version()
    rows = list(csv.DictReader((folder / "scalars.csv").open()))
    assert [(int(row["step"]), row["tag"], float(row["value"])) for row in rows] == \
        [(step, "loss/train", 1 / (step + 1)) for step in range(10)]
    assert (folder / "log.txt").read_text().endswith("  the run is done\n")


def test_how_a_run_ends(tmp_path):
    with pytest.raises(ZeroDivisionError):
        with dnn.Run(tmp_path / "failed") as run:
            run.log(1 / 0)
    assert settled(tmp_path / "failed")["message"] == "ZeroDivisionError: division by zero"
    assert dnn.run_report(tmp_path / "failed").find("run-failed")
    with pytest.raises(dnn.StateError, match="continue it"):
        dnn.Run(tmp_path / "failed")
    with dnn.Run(tmp_path / "failed", resume=True):
        pass
    assert settled(tmp_path / "failed")["status"] == "done" and len(settled(tmp_path / "failed")["earlier"]) == 1


def test_model_and_data(tmp_path):
    net = dnn.Sequential(dnn.flatten(), dnn.linear(64, 10))
    data = dnn.digits(count=20, image_size=8)
    with dnn.Run(tmp_path / "run") as run:
        run.set_model(net.describe((4, 8, 8, 1)))
        run.set_data("train", data)
    about = settled(tmp_path / "run")
    assert about["model"] == {"parameters": 650} and any("linear" in line for line in about["description"])
    assert about["data"]["train"] == f"{data.hash():016x}, 20 samples"


def test_page_and_comparison(tmp_path):
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b", lr=0.2)
    assert dnn.compare_runs(a, b).find("one-change").what == "One thing differs: lr (0.1 → 0.2)."
    with dnn.Run(a, resume=True) as run:
        run.image("noise", 3, np.random.default_rng(0).random((8, 8, 3)))
        run.add(dnn.Report("preflight"), step=1)
        run.write_html(more=dnn.Report("audit"))
        assert run.report().figures["loss/train"] == pytest.approx(0.1)
    page = (a / "index.html").read_text()
    assert page.count("data:image/png;base64,") == 2


# ---- TensorBoard -----------------------------------------------------------------------------------------------------


@pytest.fixture
def accumulated():
    """What TensorBoard makes of a folder."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    def read(folder):
        return accumulator.EventAccumulator(str(folder), {"histograms": 0, "images": 0, "tensors": 0, "scalars": 0}).Reload()

    return read


def test_tensorboard_scalars(tmp_path, accumulated):
    folder = make_run(tmp_path / "run")
    events = accumulated(folder).Scalars("loss/train")
    assert [(event.step, event.value) for event in events] == [(step, np.float32(1 / (step + 1))) for step in range(10)]
    assert events[0].wall_time <= events[-1].wall_time


def test_tensorboard_reads_while_the_run_goes_on(tmp_path, accumulated):
    run = dnn.Run(tmp_path / "run")
    run.scalar("loss", 1, float("nan"))
    read = accumulated(tmp_path / "run")
    assert np.isnan(read.Scalars("loss")[0].value)
    run.scalar("loss", 2, 0.5)
    assert [event.step for event in read.Reload().Scalars("loss")] == [1, 2]


def test_tensorboard_forgets_what_is_done_again(tmp_path, accumulated):
    for first in (0, 6):
        with dnn.Run(tmp_path / "run", resume=True) as run:
            for step in range(first, first + 8):
                run.scalar("loss", step, first)
    events = accumulated(tmp_path / "run").Scalars("loss")
    assert [(event.step, event.value) for event in events] == [(step, 0 if step < 6 else 6) for step in range(14)]


def test_tensorboard_histogram(tmp_path, accumulated):
    values = np.random.default_rng(1).normal(size=4000).astype(np.float32)
    with dnn.Run(tmp_path / "run") as run:
        run.histogram("w", 4, values)
    event, = accumulated(tmp_path / "run").Histograms("w")
    found = event.histogram_value
    assert (event.step, found.num, found.min, found.max) == (4, 4000, values.min(), values.max())
    assert found.sum == pytest.approx(float(values.sum(dtype=float)))
    assert found.sum_squares == pytest.approx(float((values.astype(float)**2).sum()))
    assert sum(found.bucket) == 4000 and list(found.bucket_limit) == sorted(found.bucket_limit)
    left = [-np.inf] + list(found.bucket_limit[:-1])
    for low, high, count in zip(left, found.bucket_limit, found.bucket):
        assert count == ((values >= low) & (values < high)).sum()


def test_tensorboard_image_and_text(tmp_path, accumulated):
    pixels = np.random.default_rng(2).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    with dnn.Run(tmp_path / "run") as run:
        run.image("sheet", 2, pixels)
        run.text("note", 3, "**bold**")
    read = accumulated(tmp_path / "run")
    image, = read.Images("sheet")
    assert (image.step, image.height, image.width) == (2, 5, 7)
    (tmp_path / "sheet.png").write_bytes(image.encoded_image_string)
    assert (dnn.io.read_png(tmp_path / "sheet.png").numpy() == pixels).all()
    text, = read.Tensors("note/text_summary")
    assert text.step == 3 and list(text.tensor_proto.string_val) == [b"**bold**"]
    assert read.SummaryMetadata("note/text_summary").plugin_data.plugin_name == "text"


def test_tensorboard_hyperparameters(tmp_path, accumulated):
    metadata = pytest.importorskip("tensorboard.plugins.hparams.metadata")
    read = accumulated(make_run(tmp_path / "run"))
    contents = {tag: read.SummaryMetadata(tag).plugin_data.content for tag in read.PluginTagToContent("hparams")}
    start = metadata.parse_session_start_info_plugin_data(contents["_hparams_/session_start_info"])
    assert start.hparams["lr"].number_value == 0.1 and start.hparams["optimizer"].string_value == "adam"
    assert start.hparams["shuffle"].bool_value is True
    end = metadata.parse_session_end_info_plugin_data(contents["_hparams_/session_end_info"])
    assert end.status == 1 and end.end_time_secs >= start.start_time_secs


# ---- progress --------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def test_progress():
    terminal, pipe = Terminal(), io.StringIO()
    for i in (bar := dnn.progress(range(4), "epoch 1", file=terminal, width=80)):
        bar.loss = 1 / (i + 1)
    lines = terminal.getvalue().split("\r")
    assert "epoch 1" in lines[-1] and "100 %" in lines[-1] and "4/4" in lines[-1] and "loss 0.25" in lines[-1]
    assert lines[-1].endswith("\n") and len(lines[-1]) == 80 and "█" in lines[-1]
    assert list(dnn.progress(iter("ab"), file=pipe)) == ["a", "b"] and pipe.getvalue() == ""
    assert "#" in str(dnn.progress(range(2), width=40, plain=True)) or "." in str(dnn.progress(range(2), plain=True))
