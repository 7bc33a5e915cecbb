"""Seeing what a network does."""
import numpy as np
import pytest

import dnn


def flat_net(weights):
    """images → scores: a row of weights for each class."""
    weights = np.asarray(weights, np.float32)
    net = dnn.Sequential(dnn.flatten(), dnn.linear(weights.shape[1], weights.shape[0], bias=False))
    net.parameters()[0].value.numpy()[:] = weights
    return net


def conv_net():
    return dnn.Sequential(dnn.conv2d(3, 4, 3, padding=1), dnn.relu(), dnn.flatten(), dnn.linear(4 * 36, 3))


def images(n=2):
    return np.random.default_rng(0).random((n, 6, 6, 3), dtype=np.float32)


def test_activations():
    net, x = conv_net(), images()
    relu = dnn.see.activations(net, "1", x).numpy()
    assert relu.shape == (2, 6, 6, 4) and relu.min() >= 0
    net.eval()
    assert np.allclose(dnn.see.activations(net, "3", x).numpy(), net(x).numpy(), atol=1e-5)
    assert dnn.see.activations_sheet(net, "0", x, sample=1, one_by_one=True).shape[2] == 3
    with pytest.raises(dnn.NotFoundError, match="conv9"):
        dnn.see.activations(net, "conv9", x)


def test_occlusion_of_a_linear_network():
    w = np.random.default_rng(1).normal(size=(2, 6 * 6 * 3))
    x = images()
    heat = dnn.see.occlusion(flat_net(w), x, 1, patch=1, stride=1, fill=0).numpy()
    assert np.allclose(heat, (w[1].reshape(6, 6, 3) * x).sum(-1), atol=1e-4)


def test_gradcam_and_overlay():
    net, x = conv_net(), images()
    heat = dnn.see.gradcam(net, x, classes=[0, 2])
    assert heat.shape == (2, 6, 6) and heat.numpy().min() >= 0
    assert dnn.see.gradcam(net, x, "1", by_place=True).shape == (2, 6, 6)
    over = dnn.see.overlay(x, heat, zoom=2)
    assert over.shape == (2, 12, 12, 3) and over.dtype == "uint8"
    with pytest.raises(dnn.UnsupportedError, match="no layer gives a map"):
        dnn.see.gradcam(flat_net(np.ones((2, 108))), x)


def test_maximise():
    w = np.where(np.arange(36) % 6 < 3, 1, -1)
    image = dnn.see.maximise(flat_net([0 * w, w]), (6, 6, 1), units=[1], steps=100).numpy()
    assert image.shape == (1, 6, 6, 1)
    assert image[0, :, :3].mean() > 0.7 > 0.3 > image[0, :, 3:].mean()
    found = dnn.see.maximise(conv_net(), (6, 6, 3), "0", 2, steps=2, mean=0.5, std=[1, 2, 3], jitter=0)
    assert found.shape == (2, 6, 6, 3)
    with pytest.raises(dnn.CallbackError, match="KeyError"):
        dnn.see.maximise(conv_net(), (6, 6, 3), progress=lambda what, done, total: {}["stop"])


def test_predictions_and_strip():
    x = images(40)
    data = dnn.Dataset.from_arrays(x, np.arange(40) % 3)
    net = conv_net()
    losses = dnn.see.sample_metric(net, data, "loss", classes=3)
    assert losses.shape == (40,) and (losses > 0).all()
    assert dnn.see.predictions(net, data, values=losses, name="loss").shape[2] == 3
    assert dnn.see.predictions(net, data, indices=[3, 1]).shape[2] == 3
    with pytest.raises(ValueError):
        dnn.see.predictions(net, data, values=losses[1:])
    with pytest.raises(dnn.ArgumentError, match="40 samples"):
        dnn.see.predictions(net, data)
    strip = dnn.see.Strip(data, indices=[0, 5])
    strip.add(net, "epoch 1")
    narrow = strip.picture().shape[1]
    strip.add(net, "epoch 2")
    assert strip.picture().shape[1] > narrow


def test_curves():
    text = dnn.inspect.plot_text({"train": [3, 2, float("nan"), 1], "test": ([0, 3], [3, 2])}, ascii=True, width=40)
    assert "* train" in text and "+ test" in text and max(map(len, text.splitlines())) <= 40
    assert text.isascii() and any("\u2800" < c < "\u2900" for c in dnn.inspect.plot_text({"a": [1, 2]}))
    assert dnn.inspect.plot({"a": [1, 2, 3]}, smoothing=0.5, x_log=True, y_log=True).shape == (480, 720, 3)
    assert dnn.inspect.heat(np.eye(3, dtype=np.float32), title="confusion").shape == (480, 720, 3)
    assert dnn.inspect.filters(np.ones((2, 3, 3, 5), np.float32), alike=True).shape[2] == 3
