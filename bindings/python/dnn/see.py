"""Seeing what a network does. The module stays bitwise as it was.

    heat = dnn.see.gradcam(net, images)                    where the class that was found comes from
    dnn.inspect.sheet(dnn.see.overlay(images, heat))       as a picture; dnn.io.write_png() writes it to a file
    dnn.see.maximise(net, (28, 28, 1))                     what each class looks for
    dnn.see.predictions(net, test, values=losses)          what is easy, usual, hard

Images are (N, H, W, C), of any number of channels; layers are named by their paths.
"""
import ctypes

import numpy as np

from . import _abi as abi
from ._handle import Handle, addresses, created
from ._library import lib
from ._progress import progress as progress_struct
from ._structs import describe, sequence
from .tensors import Tensor, as_tensor


def _run(function, module, images, desc):
    return Tensor(created(function, module, as_tensor(images, module.ctx), ctypes.byref(desc)), module.ctx)


def _classes(classes):
    return None if classes is None else sequence(classes)


def _inputs(module, inputs):
    tensors = [as_tensor(x, module.ctx) for x in inputs]
    return tensors, addresses(tensors), len(tensors)


def activations(module, layer, *inputs):
    """What a layer gives for these inputs, as an array."""
    tensors, handles, n = _inputs(module, inputs)
    return Tensor(created(lib.dnn_activations, module, handles, n, layer.encode()), module.ctx)


def activations_sheet(module, layer, *inputs, sample=None, most=None, one_by_one=None, title=None, columns=None,
                      zoom=None):
    """The same as a picture: a sheet of one sample's channels, or a map. most: channels that are shown (64)."""
    tensors, handles, n = _inputs(module, inputs)
    desc = describe(abi.dnn_activations_desc, sample=sample, most=most, one_by_one=one_by_one, title=title,
                    columns=columns, zoom=zoom)
    return Tensor(created(lib.dnn_sheet_activations, module, handles, n, layer.encode(), ctypes.byref(desc)),
                  module.ctx)


def gradcam(module, images, layer=None, classes=None, *, by_place=None):
    """Where a class comes from, (N, H, W), by the gradients of a layer. classes: one, or one for each image; None: the
    class with the largest score of each. by_place: gradients are not averaged over places; for a layer before a dense
    one."""
    return _run(lib.dnn_gradcam, module, images,
                describe(abi.dnn_gradcam_desc, layer=layer, classes=_classes(classes), by_place=by_place))


def occlusion(module, images, classes=None, *, patch=None, stride=None, fill=None, progress=None):
    """The same by covering patches: how much the score falls. patch, stride: a number, or (height, width). fill: a value
    for each channel, instead of its mean over the image."""
    pair = lambda v: None if v is None else (sequence(v) * 2)[:2]
    desc = describe(abi.dnn_occlusion_desc, classes=_classes(classes), patch=pair(patch), stride=pair(stride))
    channels = np.shape(images)[-1]
    if fill is not None:
        desc.fill = (ctypes.c_double * channels)(*np.broadcast_to(np.asarray(fill, np.float64), (channels,)))
    desc.progress = progress_struct(progress)
    return _run(lib.dnn_occlusion, module, images, desc)


def overlay(images, heat, *, low=None, high=None, full=None, strength=None, zoom=None, ctx=None):
    """Heat over images: uint8 (N, zoom · H, zoom · W, 3)."""
    images = as_tensor(images, ctx or getattr(heat, "ctx", None))
    desc = describe(abi.dnn_overlay_desc, low=low, high=high, full=full, strength=strength, zoom=zoom)
    return Tensor(created(lib.dnn_overlay, images, as_tensor(heat, images.ctx), ctypes.byref(desc)), images.ctx)


def maximise(module, shape, layer=None, units=None, *, steps=None, rate=None, low=None, high=None, mean=None, std=None,
             jitter=None, scaling=None, rotation=None, detail=None, seed=None, progress=None):
    """Images of that shape (H, W, C), each of which makes a unit's value as large as it can: float32 (units, H, W, C).
    units: numbers, or how many of the first; the classes if there is no layer. mean, std: what the module gets is
    (value - mean) / std."""
    height, width, channels = shape
    desc = describe(abi.dnn_maximise_desc, height=height, width=width, channels=channels, layer=layer, steps=steps,
                    rate=rate, low=low, high=high, jitter=jitter, scaling=scaling, rotation=rotation, detail=detail,
                    seed=seed)
    if isinstance(units, int):
        desc.n_units = units
    elif units is not None:
        units = list(units)
        desc.units, desc.n_units = (ctypes.c_int64 * len(units))(*units), len(units)
    for name, value in (("mean", mean), ("std", std)):
        if value is not None:
            numbers = np.broadcast_to(np.asarray(value, np.float64), (channels,))
            setattr(desc, name, (ctypes.c_double * channels)(*numbers))
    desc.progress = progress_struct(progress)
    return Tensor(created(lib.dnn_maximise, module, ctypes.byref(desc)), module.ctx)


def sample_metric(module, dataset, name, *, classes=None, k=None, bins=None, probabilities=False, ignore_index=None):
    """A metric of each sample of a dataset by itself, by its name in dnn.metrics: an array. classes: how many; None:
    numbers are predicted."""
    desc = describe(abi.dnn_metrics_desc, classes=classes, k=k, bins=bins, probabilities=probabilities,
                    has_ignore_index=ignore_index is not None, ignore_index=ignore_index)
    values = np.empty(len(dataset), np.float64)
    pointer = values.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
    lib.dnn_sample_metric(pointer, module, dataset, ctypes.byref(desc), name.encode())
    return values


def predictions(module, dataset, *, values=None, name=None, indices=None, title=None, probabilities=None):
    """Samples beside what the module makes of them: those of `indices`, or those at the minimum, the quartiles and the
    maximum of `values` (sample_metric)."""
    desc = describe(abi.dnn_predictions_desc, name=name, title=title, probabilities=probabilities,
                    indices=None if indices is None else list(indices))
    if values is not None:
        if len(values) != len(dataset):
            raise ValueError(f"{len(values)} values for {len(dataset)} samples")
        desc.values = (ctypes.c_double * len(values))(*[float(v) for v in values])
    return Tensor(created(lib.dnn_sheet_predictions, module, dataset, ctypes.byref(desc)), module.ctx)


class Strip(Handle):
    """A film strip: a fixed set of samples over training.

        strip = dnn.see.Strip(test)
        for epoch in range(epochs):
            …
            strip.add(net, f"epoch {epoch}")
        dnn.io.write_png("strip.png", strip.picture())
    """

    _release = lib.dnn_strip_release

    def __init__(self, dataset, *, indices=None, title=None, probabilities=None):
        desc = describe(abi.dnn_strip_desc, title=title, probabilities=probabilities,
                        indices=None if indices is None else list(indices))
        super().__init__(created(lib.dnn_strip_create, dataset, ctypes.byref(desc)), dataset.ctx)

    def add(self, module, label):
        """A column: what the module makes of the samples now."""
        lib.dnn_strip_add(self, module, label.encode())

    def picture(self):
        return Tensor(created(lib.dnn_strip_picture, self), self.ctx)
