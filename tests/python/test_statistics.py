"""Statistics of datasets, and the layer that standardizes by them."""
import numpy as np
import pytest

import dnn


def images():
    return np.random.default_rng(4).integers(0, 256, (50, 6, 5, 3), np.uint8)


def test_statistics_are_numpys():
    x = images()
    data = dnn.Dataset.from_arrays(x, x.astype(np.float32))
    for per, axes in (("channel", (0, 1, 2)), ("element", 0), ("dataset", None)):
        for targets in (False, True):
            s = dnn.Statistics.fit(data, per, targets=targets)
            wide = x.astype(np.float64)
            assert s.shape == np.mean(wide, axes).shape
            assert np.allclose(s.mean, wide.mean(axes), rtol=1e-14) and np.allclose(s.std, wide.std(axes), rtol=1e-13)
            assert (s.min == wide.min(axes)).all() and (s.max == wide.max(axes)).all()
            assert (s.count == x.size // max(s.mean.size, 1)).all()


def test_numbers_that_are_none():
    x = np.arange(12, dtype=np.float32).reshape(6, 2)
    x[4, 1] = np.nan
    data = dnn.Dataset.from_arrays(x)
    with pytest.raises(dnn.InvalidValueError, match=r"sample 4 has nan in its input at \[1\]"):
        dnn.Statistics.fit(data)
    s = dnn.Statistics.fit(data, skip_nan=True)
    assert s.count.tolist() == [6, 5] and np.allclose(s.mean, np.nanmean(x, 0))
    with pytest.raises(dnn.CallbackError) as caught:
        dnn.Statistics.fit(data, skip_nan=True, progress=lambda what, done, total: 1 / 0)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_network_that_standardizes(tmp_path):
    x = images().astype(np.float32)
    s = dnn.Statistics.fit(dnn.Dataset.from_arrays(x))
    net = dnn.Sequential(standardize=dnn.standardize(s))
    assert np.allclose(net(x).numpy(), (x - s.mean) / s.std, atol=1e-5)
    net.save(tmp_path / "net.safetensors")
    blank = dnn.Sequential(standardize=dnn.standardize(dnn.Statistics.known(shape=(3,))))
    assert (blank(x).numpy() == x).all()
    blank.load(tmp_path / "net.safetensors")
    assert (blank(x).numpy() == net(x).numpy()).all()


def test_files(tmp_path):
    s = dnn.Statistics.fit(dnn.Dataset.from_arrays(images()), "element")
    s.save(tmp_path / "s.safetensors")
    read = dnn.Statistics.load(tmp_path / "s.safetensors")
    assert read.shape == (6, 5, 3) and (read.mean == s.mean).all() and (read.std == s.std).all()
    with pytest.raises(dnn.FileError):
        dnn.Statistics.load(tmp_path / "none")


def test_known_numbers():
    s = dnn.Statistics.known([1, 2, 3], 2)
    assert s.mean.tolist() == [1, 2, 3] and s.std.tolist() == [2, 2, 2]
    assert dnn.Statistics.known(5.0).shape == ()
    with pytest.raises(dnn.InvalidValueError):
        dnn.Statistics.known([1, np.inf])
