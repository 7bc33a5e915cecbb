"""Files: IDX and PNG through libdnn_io, safetensors."""
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
