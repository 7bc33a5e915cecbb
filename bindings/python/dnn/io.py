"""Files of other people's formats: IDX, npy, npz, CIFAR, text, CSV, PNG, JPEG, folders of images. They need libdnn_io,
which is loaded at the first call: UnsupportedError where it is not there. Damaged files are FormatError. Datasets read
samples from their files when they are asked for, unless the files are compressed."""
import ctypes
import os

from . import _abi as abi
from ._handle import Handle, created
from ._library import io as _io
from ._progress import progress as _progress
from ._structs import asked, describe, enum, record
from .context import default_context
from .data import Dataset
from .tensors import Tensor, as_tensor, dims_array


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


def idx_raw_dataset(images, labels=None, *, max_bytes=None, ctx=None):
    """The same pair as it is in the files: uint8 images 0 … 255, read when they are asked for."""
    ctx = ctx or default_context()
    paths = os.fsencode(images), None if labels is None else os.fsencode(labels)
    return Dataset(created(_io().dnn_idx_raw_dataset, ctx, *paths, _limits(max_bytes)), ctx)


# ---- npy and npz -----------------------------------------------------------------------------------------------------


def read_npy(path, *, ctx=None):
    """An npy file as a tensor. Arrays of Python objects are refused."""
    ctx = ctx or default_context()
    return Tensor(created(_io().dnn_npy_read, ctx, os.fsencode(path)), ctx)


def write_npy(path, tensor, *, ctx=None):
    """Writes a tensor as an npy file, which appears when it is complete."""
    ctx = ctx or (tensor.ctx if isinstance(tensor, Tensor) else default_context())
    _io().dnn_npy_write(ctx, os.fsencode(path), as_tensor(tensor, ctx))


def npy_dataset(inputs, targets=None, *, ctx=None):
    """Sample i is (inputs[i], targets[i]) of two npy files. Integer targets of one axis become int64 labels."""
    ctx = ctx or default_context()
    paths = os.fsencode(inputs), None if targets is None else os.fsencode(targets)
    return Dataset(created(_io().dnn_npy_dataset, ctx, *paths), ctx)


class Npz(Handle):
    """An npz file: npz.names, npz["x"], npz.dataset("x", "y")."""

    _release = staticmethod(lambda address: _io().dnn_npz_release(address))

    def __init__(self, path, *, max_bytes=None, ctx=None):
        ctx = ctx or default_context()
        super().__init__(created(_io().dnn_npz_open, ctx, os.fsencode(path), _limits(max_bytes)), ctx)

    @property
    def names(self):
        return [_io().dnn_npz_name(self, i).decode() for i in range(_io().dnn_npz_count(self))]

    def __getitem__(self, name):
        return Tensor(created(_io().dnn_npz_tensor, self, name.encode()), self.ctx)

    def dataset(self, inputs, targets=None):
        """Two of its arrays as a dataset; the archive may be released afterwards."""
        names = inputs.encode(), None if targets is None else targets.encode()
        return Dataset(created(_io().dnn_npz_dataset, self, *names), self.ctx)


# ---- CIFAR and text --------------------------------------------------------------------------------------------------


def cifar_dataset(paths, *, kind=None, ctx=None):
    """Files of CIFAR-10 ("10"), or CIFAR-100 ("100_fine", "100_coarse"), one after another: uint8 (32, 32, 3), int64
    labels, classes with their names."""
    ctx = ctx or default_context()
    paths = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    desc = describe(abi.dnn_cifar_desc, kind=enum(abi.dnn_cifar_kind, kind))
    names = (ctypes.c_char_p * len(paths))(*map(os.fsencode, paths))
    return Dataset(created(_io().dnn_cifar_dataset, ctx, names, len(paths), ctypes.byref(desc)), ctx)


def text_dataset(path, window, *, stride=None, unit=None, vocabulary=None, progress=None, ctx=None):
    """A text in windows, for predicting the next unit ("bytes" or "characters"): inputs and targets int64 (window,),
    numbers in the vocabulary, which is the dataset's class_names. vocabulary: that of another text, units in the order
    of their numbers. progress: a function of (what, done, total), which ends the call by raising."""
    ctx = ctx or default_context()
    desc = describe(abi.dnn_text_desc, window=window, stride=stride, unit=enum(abi.dnn_text_unit, unit),
                    vocabulary=vocabulary)
    desc.progress = struct = _progress(progress)
    dataset = Dataset(created(_io().dnn_text_dataset, ctx, os.fsencode(path), ctypes.byref(desc)), ctx)
    del struct  # alive until here
    return dataset


# ---- images ----------------------------------------------------------------------------------------------------------


def read_png(path, *, max_bytes=None, ctx=None):
    """A PNG file as a uint8 tensor (H, W, C): C is 1 for grey, 2 with alpha, 3 for RGB, 4 for RGBA."""
    ctx = ctx or default_context()
    return Tensor(created(_io().dnn_png_read, ctx, os.fsencode(path), _limits(max_bytes)), ctx)


def write_png(path, image, *, ctx=None):
    """Writes an image (H, W) or (H, W, C): uint8, or floats in [0, 1]."""
    ctx = ctx or (image.ctx if isinstance(image, Tensor) else default_context())
    _io().dnn_png_write(ctx, os.fsencode(path), as_tensor(image, ctx))


def read_jpeg(path, *, max_bytes=None, ctx=None):
    """A JPEG file as a uint8 tensor (H, W, C), C 1 or 3, turned upright. A file that is cut short is FormatError."""
    ctx = ctx or default_context()
    return Tensor(created(_io().dnn_jpeg_read, ctx, os.fsencode(path), _limits(max_bytes)), ctx)


def write_jpeg(path, image, *, quality=0, ctx=None):
    """Writes an image of 1 or 3 channels: uint8, or floats in [0, 1]. quality: 1 to 100, default 90."""
    ctx = ctx or (image.ctx if isinstance(image, Tensor) else default_context())
    _io().dnn_jpeg_write(ctx, os.fsencode(path), as_tensor(image, ctx), quality)


def _image_desc(size, fit, padding, channels, orientation, max_bytes):
    height, width = size or (None, None)
    return describe(abi.dnn_image_desc, height=height, width=width, fit=enum(abi.dnn_image_fit, fit), padding=padding,
                    channels=channels, ignore_orientation=not orientation, max_bytes=max_bytes)


def read_image(path, size=None, *, fit=None, padding=None, channels=None, orientation=True, max_bytes=None, ctx=None):
    """A PNG or JPEG file as uint8 (H, W, C). size: (height, width), which it must have (fit "exact"), is scaled to
    ("stretch"), scaled and cut to ("cover") or scaled and padded to ("contain"). channels: 1 or 3."""
    ctx = ctx or default_context()
    desc = _image_desc(size, fit, padding, channels, orientation, max_bytes)
    return Tensor(created(_io().dnn_image_read, ctx, os.fsencode(path), ctypes.byref(desc)), ctx)


class ImageFolder(Handle):
    """A folder of images, looked through: its sub-folders are the classes. Images are read as read_image() does, in RGB
    by default. bad: "refuse" or "skip" files that are no good image; `skipped` lists what was left out, with reasons.
    progress: a function of (what, done, total), which ends the call by raising."""

    _release = staticmethod(lambda address: _io().dnn_image_folder_release(address))

    def __init__(self, path, size=None, *, fit=None, padding=None, channels=None, orientation=True, max_bytes=None,
                 bad=None, progress=None, ctx=None):
        ctx = ctx or default_context()
        image = _image_desc(size, fit, padding, channels, orientation, max_bytes)
        desc = describe(abi.dnn_image_folder_desc, bad=enum(abi.dnn_bad_image, bad))
        desc.image = ctypes.pointer(image)
        desc.progress = struct = _progress(progress)
        super().__init__(created(_io().dnn_image_folder_open, ctx, os.fsencode(path), ctypes.byref(desc)), ctx)
        del struct  # alive until here

    def __len__(self):
        return _io().dnn_image_folder_count(self)

    @property
    def paths(self):
        return [os.fsdecode(_io().dnn_image_folder_path(self, i)) for i in range(len(self))]

    @property
    def skipped(self):
        """[(path, reason)] of the files that were left out."""
        found = []
        for i in range(_io().dnn_image_folder_skipped(self)):
            reason = ctypes.c_char_p()
            path = _io().dnn_image_folder_skipped_path(self, i, ctypes.byref(reason))
            found.append((os.fsdecode(path), reason.value.decode(errors="replace")))
        return found

    def dataset(self):
        """Its images and their classes; decoded when they are asked for, in a loader's threads."""
        return Dataset(created(_io().dnn_image_folder_dataset, self), self.ctx)


# ---- CSV -------------------------------------------------------------------------------------------------------------


class Table(Handle):
    """A CSV file. delimiter and header (True, False) are detected by default; missing: the texts that stand for a
    missing value besides the empty one."""

    _release = staticmethod(lambda address: _io().dnn_table_release(address))

    def __init__(self, path, *, delimiter=None, header=None, missing=None, progress=None, ctx=None):
        ctx = ctx or default_context()
        desc = describe(abi.dnn_csv_desc, delimiter=None if delimiter is None else ord(delimiter), missing=missing,
                        header=header if header is None else enum(abi.dnn_csv_header, "yes" if header else "no"))
        desc.progress = struct = _progress(progress)
        super().__init__(created(_io().dnn_csv_open, ctx, os.fsencode(path), ctypes.byref(desc)), ctx)
        del struct  # alive until here

    def __len__(self):
        """Its rows, without the header."""
        return _io().dnn_table_rows(self)

    @property
    def columns(self):
        """What is known of each column: .name, .type ("integer", "real", "text", "missing"), .missing, .low, .high,
        .mean and .classes, the names of a text's classes (None: too many)."""
        return [self._column(i) for i in range(_io().dnn_table_columns(self))]

    def _column(self, i):
        column = record(asked(abi.dnn_column_info, lambda *rest: _io().dnn_table_column(self, i, *rest)))
        column.type = abi.dnn_column_type(column.type).name.rpartition("_")[2].lower()
        count = column.classes
        column.classes = None if count < 0 else [
            _io().dnn_table_class_name(self, i, k).decode(errors="replace") for k in range(count)]
        return column

    def find(self, name):
        """The number of the column of that name."""
        number = ctypes.c_int64()
        _io().dnn_table_find(self, name.encode(), ctypes.byref(number))
        return number.value

    def text(self, row, column):
        """One field, as it is written."""
        buffer = ctypes.create_string_buffer(1 << 16)
        _io().dnn_table_text(self, row, self.find(column) if isinstance(column, str) else column, buffer, len(buffer))
        return buffer.value.decode(errors="replace")

    def dataset(self, target=None, inputs=None, *, target_dtype=None, missing=None, value=None, text=None):
        """float32 inputs, and a target: int64 classes or whole numbers, or float32. Columns by name or by number, -1
        the last. missing: "refuse", "drop", "mean" or "value"; text (among the inputs): "refuse", "number" or "one_hot"."""
        desc = describe(abi.dnn_table_dataset_desc, missing=enum(abi.dnn_missing, missing), value=value,
                        text=enum(abi.dnn_text_input, text),
                        target_dtype={None: None, "int64": abi.dnn_dtype.DNN_I64,
                                      "float32": abi.dnn_dtype.DNN_F32}[target_dtype])
        if isinstance(target, str):
            desc.target = target.encode()
        elif target is not None:
            desc.has_target_column, desc.target_column = 1, target
        if inputs is not None:
            numbers = [self.find(i) if isinstance(i, str) else i for i in inputs]
            desc.inputs, desc.n_inputs = dims_array(numbers), len(numbers)
        return Dataset(created(_io().dnn_table_dataset, self, ctypes.byref(desc)), self.ctx)
