"""Files of other people's formats: IDX, as MNIST has it, and PNG. They need libdnn_io, which is loaded at the first
call: UnsupportedError where it is not there. Damaged files are FormatError."""
import ctypes
import os

from . import _abi as abi
from ._handle import created
from ._library import io as _io
from ._structs import describe
from .context import default_context
from .data import Dataset
from .tensors import Tensor, as_tensor


def _limits(max_bytes):
    return ctypes.byref(describe(abi.dnn_read_desc, max_bytes=max_bytes))


def read_idx(path, *, max_bytes=None, ctx=None):
    """An IDX file, plain or compressed with gzip, as a tensor. max_bytes: the most that it may unfold to (default
    2^30)."""
    ctx = ctx or default_context()
    return Tensor(created(_io().dnn_idx_read, ctx, os.fsencode(path), _limits(max_bytes)), ctx)


def idx_dataset(images, labels, *, max_bytes=None, ctx=None):
    """A pair of IDX files as a dataset to train on: float32 images in [0, 1], int64 labels."""
    ctx = ctx or default_context()
    paths = os.fsencode(images), os.fsencode(labels)
    return Dataset(created(_io().dnn_idx_dataset, ctx, *paths, _limits(max_bytes)), ctx)


def read_png(path, *, max_bytes=None, ctx=None):
    """A PNG file as a uint8 tensor (H, W, C): C is 1 for grey, 2 with alpha, 3 for RGB, 4 for RGBA."""
    ctx = ctx or default_context()
    return Tensor(created(_io().dnn_png_read, ctx, os.fsencode(path), _limits(max_bytes)), ctx)


def write_png(path, image, *, ctx=None):
    """Writes an image (H, W) or (H, W, C): uint8, or floats in [0, 1]."""
    ctx = ctx or (image.ctx if isinstance(image, Tensor) else default_context())
    _io().dnn_png_write(ctx, os.fsencode(path), as_tensor(image, ctx))
