"""Transforms: what they make of NumPy images, their words, and who owns them."""
import gc

import numpy as np
import pytest

import dnn
from dnn import transform as t


def images(n=6, size=(12, 9, 3), dtype=np.uint8):
    x = np.random.default_rng(0).integers(0, 256, (n, *size)).astype(dtype)
    return x, np.arange(n, dtype=np.int64)


def test_a_chain_for_training(nothing_left):
    x, labels = images()
    mean, std = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
    augment = t.Chain(t.random_crop(padding=2), t.random_flip(), t.to_float(), t.standardize(mean, std))
    data = dnn.Dataset.from_arrays(x, labels).transform(augment, seed=3)
    assert data.item.input == dnn.Spec((12, 9, 3), "float32") and data[4][1] == 4
    loader = dnn.Loader(data, 6)
    first, second = ([x.numpy().copy() for x, _ in loader] for _ in range(2))
    assert not np.array_equal(first, second)
    for workers in (1, 3):
        for again, target in dnn.Loader(data, 6, workers=workers):
            assert np.array_equal(again.numpy(), first[0]) and target.numpy().tolist() == labels.tolist()
    words = {data.draws(0, epoch) for epoch in range(20)}
    assert len(words) > 5 and all(w.startswith("crop ") for w in words)
    assert str(augment) == "chain\n  random_crop, padding 2\n  random_flip 0.5, 0\n  to_float 0 to 1\n  standardize 3"
    del loader, data, augment, again, target
    gc.collect()


def test_numbers():
    x, labels = images()
    data = dnn.Dataset.from_arrays(x, labels)
    assert np.allclose(data.transform(t.to_float())[0][0], x[0] / 255)
    assert np.allclose(data.transform(t.to_float(-1, 1))[0][0], x[0] / 127.5 - 1, atol=1e-6)
    assert data.transform(t.to_float(-1, 1)).range == (-1, 1)
    want = (x[0] / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert np.allclose(data.transform(t.preset("torchvision"))[0][0], want, atol=1e-5)
    want = x[0][..., ::-1] - np.array([104.007, 116.669, 122.679])
    assert np.allclose(data.transform(t.preset("caffe"))[0][0], want, atol=1e-4)
    assert np.array_equal(data.transform(t.channels((0, 0)))[1][0], x[1][..., [0, 0]])
    grey = data.transform(t.grayscale(1))[0][0][..., 0]
    assert np.abs(grey - x[0] @ [0.299, 0.587, 0.114]).max() <= 0.5001
    floats = dnn.Dataset.from_arrays(x / np.float32(1000))
    assert np.allclose(floats.transform(t.to_float(source=(0, 0.5)))[0][0], x[0] / 500)


def test_fitted_statistics():
    x, labels = images()
    data = dnn.Dataset.from_arrays(x, labels).transform(t.to_float())
    ready = data.transform(t.standardize(dnn.Statistics.fit(data)))
    pixels = ready[:][0].reshape(-1, 3)
    assert np.allclose(pixels.mean(axis=0), 0, atol=1e-5) and np.allclose(pixels.std(axis=0), 1, atol=1e-5)
    with pytest.raises(dnn.InvalidValueError, match="the statistics are of numbers from 0 to 255"):
        data.transform(t.standardize(dnn.Statistics.fit(dnn.Dataset.from_arrays(x, labels))))


def test_places():
    x, labels = images()
    data = dnn.Dataset.from_arrays(x, labels)
    assert np.array_equal(data.transform(t.center_crop((4, 5)))[0][0], x[0][4:8, 2:7])
    assert np.array_equal(data.transform(t.random_flip(1, 0))[0][0], x[0][:, ::-1])
    assert np.array_equal(data.transform(t.random_flip(0, 1))[0][0], x[0][::-1])
    assert np.array_equal(data.transform(t.random_rotation(180, 180, filter="nearest"))[0][0], x[0][::-1, ::-1])
    half = x[0].reshape(6, 2, 3, 3, 3).mean(axis=(1, 3))
    assert np.abs(data.transform(t.resize((6, 3), filter="area"))[0][0] - half).max() <= 0.5001
    assert data.transform(t.resize(shorter=18)).item.input.shape == (24, 18, 3)
    assert data.transform(t.random_resized_crop(5, scale=(0.5, 1))).item.input.shape == (5, 5, 3)


def test_every_function_makes_a_view():
    data = dnn.Dataset.from_arrays(*images())
    made = [
        t.resize((4, 4), antialias=False),
        t.random_affine(rotate=(-5, 5), translate=0.1, scale=(0.9, 1.1), shear=(3, 1)),
        t.random_perspective(0.2, border="edge"), t.random_rotation(10, border="reflect"), t.random_crop(8, fill=3),
        t.color_jitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.1), t.random_blur(0, 1),
        t.random_noise(0, 0.1), t.random_erase(noise=True), t.random_erase(fill=7), t.domain_randomization(1),
        t.random_apply(0.5, t.random_flip()), t.OneOf(t.random_flip(), t.random_blur(1, 2)), t.Chain(),
    ]
    for transform in made:
        view = data.transform(transform)
        assert view[:][0].dtype == np.uint8
        assert isinstance(view.draws(0), str) and str(transform)


def test_masks_and_boxes_move():
    x = np.zeros((3, 10, 8, 1), np.float32)
    x[:, 2:5, 1:7] = 1
    masks, boxes = x[..., 0].astype(np.int64), np.tile(np.float32([1, 2, 7, 5, 9]), (3, 1, 1))
    move = t.Chain(t.random_crop(padding=2), t.random_flip(0.5, 0.5))
    moved, mask = dnn.Dataset.from_arrays(x, masks).transform(move, target="mask", seed=1)[:]
    assert np.array_equal(moved[..., 0], mask) and mask.dtype == np.int64
    again, box = dnn.Dataset.from_arrays(x, boxes).transform(move, target="boxes", seed=1)[:]
    assert np.array_equal(again, moved)
    for image, (x0, y0, x1, y1, label) in zip(again[..., 0], box[:, 0]):
        rows, columns = np.nonzero(image)
        assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1, 9) == (x0, y0, x1, y1, label)
    ignored = dnn.Dataset.from_arrays(x, masks).transform(move, target="mask", mask_fill=255, seed=1)
    assert any(255 in ignored[i][1] for i in range(3))


def test_what_is_wrong_is_said():
    x, labels = images()
    data = dnn.Dataset.from_arrays(x, labels)
    with pytest.raises(dnn.InvalidValueError, match="transform 2, to_float: .*scaled twice"):
        data.transform(t.Chain(t.to_float(), t.to_float()))
    with pytest.raises(dnn.ShapeError, match="hue is not defined for the 1 channels"):
        data.transform(t.Chain(t.grayscale(1), t.color_jitter(hue=0.1)))
    with pytest.raises(dnn.ArgumentError, match="padding is -1"):
        t.random_crop(padding=-1)
    with pytest.raises(dnn.ArgumentError, match='"blue" is none of'):
        t.random_crop(border="blue")
    with pytest.raises(ValueError, match="2 means, 1 standard"):
        t.standardize([1, 2], 1)
    with pytest.raises(dnn.NotFoundError, match="no view by a transform"):
        data.draws(0)
    part = t.Chain(t.random_flip())
    t.Chain(part)
    with pytest.raises(dnn.ShapeError):
        data.transform(t.random_crop(50))


def test_a_transform_is_used_again():
    x, labels = images()
    data, flip = dnn.Dataset.from_arrays(x, labels), t.random_flip(1)
    twice = t.Chain(flip, flip)
    assert np.array_equal(data.transform(twice)[0][0], x[0])
    view = data.transform(flip)
    flip.release()
    assert np.array_equal(view[0][0], x[0][:, ::-1])
    with pytest.raises(dnn.HandleError):
        data.transform(flip)
