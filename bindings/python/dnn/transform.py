"""Transforms: what happens to each sample between its source and the batch.

    from dnn import transform as t

    augment = t.Chain(t.random_crop(padding=4), t.random_flip(), t.to_float(), t.standardize(mean, std))
    train = images.transform(augment)                    # a view; drawn anew in every epoch
    train.draws(7, epoch=2)                              # "crop 4,2, flip"

Images are (H, W, C), uint8 or float32; 3 channels are R, G, B. Pairs are height, width. Shapes, dtypes and ranges are
checked when the view is made. What is drawn is a function of (seed, epoch, the sample's number, place in the chain).
Masks and boxes move with the pixels: transform(..., target="mask") or "boxes". include/dnn/transform.h has the details.
"""
import ctypes

from . import _abi as abi
from ._handle import Handle, created
from ._library import failure, lib
from ._structs import describe, enum, sequence
from .context import default_context


def text_of(function, *arguments):
    """What a function of (…, text, bytes) writes, however long it is."""
    length = function(*arguments, None, 0)
    if length < 0:
        raise failure()
    text = ctypes.create_string_buffer(length + 1)
    function(*arguments, text, len(text))
    return text.value.decode()


class Transform(Handle):
    """One transform, or a container of them. str() has its settings. It may be used in several chains and views."""

    _release = lib.dnn_transform_release

    def __str__(self):
        return text_of(lib.dnn_transform_text, self).rstrip("\n")


class _Container(Transform):
    def __init__(self, *transforms, ctx=None):
        ctx = ctx or next((t.ctx for t in transforms if isinstance(t, Transform)), None) or default_context()
        super().__init__(created(getattr(lib, self._create), ctx), ctx)
        for transform in transforms:
            self.add(transform)

    def add(self, transform):
        """Appends one more, and returns the container: until it is part of another one, or used by a view."""
        lib.dnn_transform_retain(transform)
        lib.dnn_transform_add(self, transform)
        return self


class Chain(_Container):
    """One after another."""

    _create = "dnn_transform_chain"


class OneOf(_Container):
    """One of these, every one equally likely. They must end with the same shape, dtype and range."""

    _create = "dnn_transform_one_of"


def _made(function, ctx, *arguments):
    ctx = ctx or default_context()
    address = function(ctx, *arguments)
    if not address:
        raise failure()
    return Transform(address, ctx)


def _described(function, ctx, desc, **fields):
    for name, kind in (("filter", abi.dnn_filter), ("border", abi.dnn_border)):
        if name in fields:
            fields[name] = enum(kind, fields[name])
    return _made(function, ctx, ctypes.byref(describe(desc, **fields)))


def _pair(value):
    """A number alone stands for both."""
    return value if value is None or hasattr(value, "__iter__") else (value, value)


def _doubles(values):
    values = [float(v) for v in sequence(values)]
    return (ctypes.c_double * len(values))(*values)


def random_apply(p, transform):
    """`transform` with probability p; it must leave shape, dtype and range as they are."""
    lib.dnn_transform_retain(transform)
    return _made(lib.dnn_random_apply, transform.ctx, p, transform)


# ---- numbers


def to_float(low=None, high=None, *, source=None, ctx=None):
    """To float32, so that the declared range, or `source` = (low, high), becomes low … high, 0 … 1 by default."""
    from_low, from_high = source or (None, None)
    return _described(lib.dnn_to_float, ctx, abi.dnn_to_float_desc, low=low, high=high, from_low=from_low,
                      from_high=from_high)


def standardize(mean, std=None, *, ctx=None):
    """(x - mean) / std of float32: a number, one for each channel, or one for each number of a sample. Or, alone,
    statistics that were fitted on what comes in here, of the training part."""
    if std is None:
        return _made(lib.dnn_transform_standardize, ctx or mean.ctx, mean)
    means, stds = _doubles(mean), _doubles(std)
    if len(means) != len(stds):
        raise ValueError(f"{len(means)} means, {len(stds)} standard deviations")
    return _made(lib.dnn_transform_standardize_by, ctx, means, stds, len(means))


def preset(name, *, ctx=None):
    """From uint8 to what published models expect: "torchvision" or "caffe"."""
    return _made(lib.dnn_transform_preset, ctx, enum(abi.dnn_preset, name))


def channels(order, *, ctx=None):
    """Channel k that goes out is channel order[k] that comes in: (2, 1, 0) makes BGR of RGB."""
    order = list(order)
    return _made(lib.dnn_channels, ctx, (ctypes.c_int32 * len(order))(*order), len(order))


# ---- where pixels go; border: "fill", "edge", "reflect"; filter: "bilinear", "nearest", "area"


def random_crop(size=None, *, padding=None, border=None, fill=None, ctx=None):
    """A window at random, of the image's size by default, from the image made larger by `padding` on every side."""
    return _described(lib.dnn_random_crop, ctx, abi.dnn_random_crop_desc, out=size, padding=padding, border=border,
                      fill=fill)


def center_crop(size, *, ctx=None):
    """The window in the middle."""
    height, width = _pair(size)
    return _made(lib.dnn_center_crop, ctx, height, width)


def random_flip(horizontal=None, vertical=None, *, ctx=None):
    """Left to right with probability `horizontal` (default 0.5), upside down with `vertical` (default 0)."""
    return _described(lib.dnn_random_flip, ctx, abi.dnn_random_flip_desc, horizontal=horizontal, vertical=vertical)


def resize(size=None, *, shorter=None, filter=None, antialias=True, ctx=None):
    """To `size`, or so that the shorter side becomes `shorter`. Bilinear is antialiased as in Pillow."""
    return _described(lib.dnn_resize, ctx, abi.dnn_resize_desc, out=size, shorter=shorter, filter=filter,
                      no_antialias=not antialias)


def random_resized_crop(size, *, scale=None, ratio=None, filter=None, antialias=True, ctx=None):
    """A window of random area (`scale`: its part of the image's, default 0.08 … 1) and ratio of width to height
    (default 3/4 … 4/3), scaled to `size`."""
    return _described(lib.dnn_random_resized_crop, ctx, abi.dnn_random_resized_crop_desc, out=size, scale=scale,
                      ratio=ratio, filter=filter, no_antialias=not antialias)


def random_rotation(low, high=None, *, filter=None, border=None, fill=None, ctx=None):
    """A turn by low … high degrees about the middle, positive ones counter-clockwise; one number: -low … low."""
    low, high = (-low, low) if high is None else (low, high)
    return _described(lib.dnn_random_rotation, ctx, abi.dnn_random_rotation_desc, low=low, high=high, filter=filter,
                      border=border, fill=fill)


def random_affine(*, rotate=None, translate=None, scale=None, shear=None, filter=None, border=None, fill=None,
                  ctx=None):
    """rotate: degrees from, to. translate: at most so much of height, width. scale: from, to. shear: at most so many
    degrees along x, y."""
    return _described(lib.dnn_random_affine, ctx, abi.dnn_random_affine_desc, rotate=rotate, translate=_pair(translate),
                      scale=scale, shear=_pair(shear), filter=filter, border=border, fill=fill)


def random_perspective(distortion=None, *, filter=None, border=None, fill=None, ctx=None):
    """The image as seen from aside: every corner moves inwards by up to distortion/2 of the sides (default 0.5)."""
    return _described(lib.dnn_random_perspective, ctx, abi.dnn_random_perspective_desc, distortion=distortion,
                      filter=filter, border=border, fill=fill)


# ---- colours, blur, noise, holes


def color_jitter(*, brightness=None, contrast=None, saturation=None, hue=None, ctx=None):
    """Each by a random factor 1 - x … 1 + x, hue by -x … x of the circle, in random order."""
    return _described(lib.dnn_color_jitter, ctx, abi.dnn_color_jitter_desc, brightness=brightness, contrast=contrast,
                      saturation=saturation, hue=hue)


def grayscale(channels=3, *, ctx=None):
    """The grey of R, G, B, in 3 equal channels or 1."""
    return _made(lib.dnn_grayscale, ctx, channels)


def random_blur(low, high, *, ctx=None):
    """Gaussian blur; its deviation, in pixels, is uniform in low … high."""
    return _made(lib.dnn_random_blur, ctx, low, high)


def random_noise(low, high, *, ctx=None):
    """Noise on every number; its deviation, in units of the values' range, is uniform in low … high."""
    return _made(lib.dnn_random_noise, ctx, low, high)


def random_erase(*, scale=None, ratio=None, fill=None, noise=None, ctx=None):
    """Fills a random rectangle (its part of the area 0.02 … 0.33, ratio 0.3 … 3.3 by default), with noise if asked."""
    return _described(lib.dnn_random_erase, ctx, abi.dnn_random_erase_desc, scale=scale, ratio=ratio, fill=fill,
                      noise=noise)


def domain_randomization(strength=None, *, color=True, ctx=None):
    """Camera, light, lens, sensor and distractors at random, with one strength in [0, 1] (default 0.5). color=False: no
    saturation and hue, for images that have not 3 channels."""
    return _described(lib.dnn_domain_randomization, ctx, abi.dnn_domain_randomization_desc, strength=strength,
                      no_color=not color)
