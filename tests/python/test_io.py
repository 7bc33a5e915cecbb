"""Files: those of libdnn_io, and safetensors."""
import gzip
import struct

import numpy as np
import pytest

import dnn
from dnn import _library

try:
    _library.io()
    has_io = True
except dnn.UnsupportedError:
    has_io = False
needs_io = pytest.mark.skipif(not has_io, reason="libdnn_io was not built")


def idx(array):
    return struct.pack(f">BBBB{array.ndim}i", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@needs_io
def test_png(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    dnn.io.write_png(tmp_path / "a.png", image)
    assert np.array_equal(dnn.io.read_png(tmp_path / "a.png").numpy(), image)
    with pytest.raises(dnn.InvalidValueError):
        dnn.io.write_png(tmp_path / "b.png", np.float32([[2.0]]))
    assert not (tmp_path / "b.png").exists()


@needs_io
def test_idx(tmp_path):
    images, labels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4), np.uint8([7, 1])
    (tmp_path / "images").write_bytes(gzip.compress(idx(images)))
    (tmp_path / "labels").write_bytes(idx(labels))
    assert np.array_equal(dnn.io.read_idx(tmp_path / "images").numpy(), images)
    data = dnn.io.idx_dataset(tmp_path / "images", tmp_path / "labels")
    x, target = data[:]
    assert np.array_equal(x, images[..., None].astype(np.float32) / 255) and target.tolist() == [7, 1]
    (tmp_path / "cut").write_bytes(idx(images)[:-1])
    with pytest.raises(dnn.FormatError, match="cut"):
        dnn.io.read_idx(tmp_path / "cut")
    with pytest.raises(dnn.FileError):
        dnn.io.read_idx(tmp_path / "none")
    with pytest.raises(dnn.UnsupportedError):
        dnn.io.read_idx(tmp_path / "images", max_bytes=10)


@needs_io
def test_npy_and_npz(tmp_path):
    x, y = np.arange(24, dtype=np.float32).reshape(4, 3, 2), np.uint8([3, 1, 2, 0])
    for array in (x, np.asfortranarray(x), x.astype(">f8"), y, y > 1, np.float16(2), x.astype(np.int64)):
        np.save(tmp_path / "a.npy", array)
        read = dnn.io.read_npy(tmp_path / "a.npy")
        assert np.array_equal(read.numpy(), array) and read.shape == array.shape
    dnn.io.write_npy(tmp_path / "b.npy", dnn.tensor(x))
    assert np.array_equal(np.load(tmp_path / "b.npy"), x)
    np.save(tmp_path / "y.npy", y)
    data = dnn.io.npy_dataset(tmp_path / "b.npy", tmp_path / "y.npy")
    assert np.array_equal(data[1:3][0], x[1:3]) and data[1:3][1].tolist() == [1, 2]
    assert data.item.target == dnn.Spec((), "int64")
    np.savez_compressed(tmp_path / "c.npz", x=x, y=y)
    with dnn.io.Npz(tmp_path / "c.npz") as npz:
        assert npz.names == ["x", "y"] and np.array_equal(npz["x"].numpy(), x)
        data = npz.dataset("x", "y")
        with pytest.raises(dnn.NotFoundError):
            npz["z"]
    assert np.array_equal(data[:][0], x)
    np.save(tmp_path / "o.npy", np.array([None, 1], object), allow_pickle=True)
    with pytest.raises(dnn.UnsupportedError, match="Python objects"):
        dnn.io.read_npy(tmp_path / "o.npy")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "c.npz").read_bytes()[:-5])
    with pytest.raises(dnn.FormatError):
        dnn.io.Npz(tmp_path / "cut.npz")


@needs_io
def test_records(tmp_path):
    (tmp_path / "batch.bin").write_bytes(bytes([3]) + bytes(3072) + bytes([9]) + b"\1" * 3072)
    data = dnn.io.cifar_dataset([tmp_path / "batch.bin"])
    assert len(data) == 2 and data[1][0].shape == (32, 32, 3) and data[1][1] == 9
    with pytest.raises(dnn.FormatError, match="short.bin: record 0"):
        (tmp_path / "short.bin").write_bytes(bytes(7))
        dnn.io.cifar_dataset(tmp_path / "short.bin")
    (tmp_path / "images").write_bytes(idx(np.arange(12, dtype=np.uint8).reshape(2, 3, 2)))
    assert dnn.io.idx_raw_dataset(tmp_path / "images")[1][0].ravel().tolist() == list(range(6, 12))
    (tmp_path / "a.txt").write_text("häh", encoding="utf-8")
    seen = []
    text = dnn.io.text_dataset(tmp_path / "a.txt", 2, unit="characters", progress=lambda *step: seen.append(step))
    assert text[0][0].tolist() == [0, 1] and text[0][1].tolist() == [1, 0] and seen[-1][1:] == (4, 4)
    other = dnn.io.text_dataset(tmp_path / "a.txt", 1, unit="characters", vocabulary="äh")
    assert other[0][0].tolist() == [1]
    with pytest.raises(dnn.Error) as stopped:
        dnn.io.text_dataset(tmp_path / "a.txt", 1, progress=lambda *_: 1 / 0)
    assert isinstance(stopped.value.__cause__, ZeroDivisionError)


@needs_io
def test_images(tmp_path):
    image = np.full((8, 12, 3), 90, np.uint8)
    for name in ("b/2.png", "a/1.jpg", "a/3.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (dnn.io.write_png if name.endswith("png") else dnn.io.write_jpeg)(tmp_path / name, image)
    assert abs(int(dnn.io.read_jpeg(tmp_path / "a/1.jpg").numpy().mean()) - 90) <= 2
    small = dnn.io.read_image(tmp_path / "b/2.png", (4, 4), fit="contain", padding=5, channels=1).numpy()
    assert small.shape == (4, 4, 1) and small[3].max() == 5 and small[:3].min() == 90
    cut = (tmp_path / "a/3.jpg").read_bytes()[:-30]
    (tmp_path / "a/3.jpg").write_bytes(cut)
    folder = dnn.io.ImageFolder(tmp_path, (4, 6), fit="stretch", bad="skip")
    assert len(folder) == 2 and [p.endswith("jpg") for p in folder.paths] == [True, False]
    assert folder.skipped[0][0].endswith("a/3.jpg") and "JPEG" in folder.skipped[0][1]
    data = folder.dataset()
    folder.release()
    x, y = data[:]
    assert x.shape == (2, 4, 6, 3) and y.tolist() == [0, 1]
    with pytest.raises(dnn.ShapeError, match="8 × 12"):
        dnn.io.read_image(tmp_path / "a/1.jpg", (3, 3))


@needs_io
def test_tables(tmp_path):
    (tmp_path / "a.csv").write_text('x;y;kind\n1;2.5;"a ""b"""\n2;;c\n3;4;c\n')
    table = dnn.io.Table(tmp_path / "a.csv")
    assert len(table) == 3 and [c.type for c in table.columns] == ["integer", "real", "text"]
    assert table.columns[2].classes == ['a "b"', "c"] and table.columns[1].missing == 1
    assert table.text(0, "kind") == 'a "b"' and table.find("y") == 1
    x, y = table.dataset(target=-1, missing="drop")[:]
    assert x.tolist() == [[1, 2.5], [3, 4]] and y.tolist() == [0, 1]
    x, y = table.dataset("x", ["kind", 1], missing="value", value=-1, text="one_hot", target_dtype="float32")[:]
    assert x.tolist() == [[1, 0, 2.5], [0, 1, -1], [0, 1, 4]] and y.tolist() == [1, 2, 3]
    with pytest.raises(dnn.InvalidValueError, match="line 3, column 1"):
        table.dataset("kind")
    with pytest.raises(dnn.FormatError, match="line 2"):
        (tmp_path / "b.csv").write_text("a,b\n1\n")
        dnn.io.Table(tmp_path / "b.csv", header=True, delimiter=",", missing=["-"])


def test_archive_dataset(tmp_path):
    dnn.save_tensors(tmp_path / "x.safetensors", {"x": np.float32([[1], [2]]), "y": np.int32([4, 5])})
    data = dnn.Archive(tmp_path / "x.safetensors").dataset("x", "y")
    assert data[1][0].tolist() == [2] and data[1][1] == 5


def test_archives(tmp_path):
    tensors = {"b": np.float64([[1, 2]]), "a": np.int64(3), "c": np.zeros((0, 2), np.uint8)}
    dnn.save_tensors(tmp_path / "x.safetensors", tensors, {"key": "välue"})
    read = dnn.load_tensors(tmp_path / "x.safetensors")
    assert set(read) == set(tensors)
    for name, array in tensors.items():
        assert np.array_equal(read[name].numpy(), array) and read[name].dtype == array.dtype.name
    archive = dnn.Archive(data=(tmp_path / "x.safetensors").read_bytes())
    assert archive.metadata == {"key": "välue"} and "a" in archive and archive.get("z") is None
    view = archive["b"].numpy()
    archive.release()
    assert view.tolist() == [[1, 2]]
    with pytest.raises(dnn.FormatError):
        dnn.Archive(data=b"12345678")


def test_pictures():
    images = np.random.default_rng(0).random((5, 8, 8, 1), np.float32)
    sheet = dnn.inspect.sheet(images, title="five", captions=["a", None, "c", "d", "e"], frames=[0xFF0000] + 4 * [None])
    assert sheet.dtype == "uint8" and sheet.ndim == 3 and sheet.shape[2] == 3
    assert (sheet.numpy() == [255, 0, 0]).all(axis=2).any()
    assert dnn.inspect.filters(dnn.conv2d(3, 4, 5).parameter("weight").value, zoom=4).ndim == 3
    plot = dnn.inspect.plot({"train": [3, 2, 1], "test": ([0, 2], [3, 2.5])}, width=300, height=200, y_range=(0, 4))
    assert plot.shape == (200, 300, 3)
    assert dnn.inspect.histogram(images, bins=10, title="uniform", y_log=True).shape[2] == 3
    with pytest.raises(dnn.ShapeError):
        dnn.inspect.sheet(images[0, 0])
    with pytest.raises(ValueError, match="2 values of x, 1 of y"):
        dnn.inspect.plot({"a": ([0, 1], [0])})
    shaded = dnn.inspect.plot({}, bands=[([0, 0], [1, 1]), ([0, 1], [2, 2], [3, 4])], x_range=(0, 1), y_range=(0, 4))
    assert len(np.unique(shaded.numpy().reshape(-1, 3), axis=0)) > 4
    with pytest.raises(ValueError):
        dnn.inspect.plot({}, bands=[([0], [1, 2])])
