"""Weights on disk: safetensors files."""
import collections.abc
import ctypes
import os

from . import _abi as abi
from ._dtypes import dtype_number
from ._handle import Handle, addresses, created
from ._library import failure, lib
from ._structs import describe, enum
from .context import default_context
from .tensors import Tensor, as_tensor


def _metadata(pairs):
    pairs = pairs or {}
    return (abi.dnn_metadata * len(pairs))(*[(k.encode(), v.encode()) for k, v in pairs.items()])


def _flattened(sizes):
    sizes = sizes or {}
    return (abi.dnn_flattened * len(sizes))(*[(path.encode(), *size) for path, size in sizes.items()])


def _filled(desc, **arrays):
    """Puts arrays of structs, and their counts, into a descriptor."""
    for name, array in arrays.items():
        setattr(desc, name, array)
        setattr(desc, f"n_{name}", len(array))
    return ctypes.byref(desc)


def save_weights(module, path, layout, dtype, metadata, flattened):
    desc = describe(abi.dnn_weights_save_desc, layout=enum(abi.dnn_layout, layout),
                    dtype=None if dtype is None else dtype_number(dtype))
    arguments = _filled(desc, metadata=_metadata(metadata), flattened=_flattened(flattened))
    lib.dnn_weights_save(module, os.fsencode(path), arguments)


def load_weights(module, path, layout, flattened, allow_missing, allow_extra, allow_cast):
    kinds = abi.dnn_weights_flags
    flags = ((kinds.DNN_WEIGHTS_ALLOW_MISSING if allow_missing else 0)
             | (kinds.DNN_WEIGHTS_ALLOW_EXTRA if allow_extra else 0)
             | (kinds.DNN_WEIGHTS_ALLOW_CAST if allow_cast else 0))
    desc = describe(abi.dnn_weights_load_desc, layout=enum(abi.dnn_layout, layout), flags=flags)
    lib.dnn_weights_load(module, os.fsencode(path), _filled(desc, flattened=_flattened(flattened)))


def save_tensors(path, tensors, metadata=None, *, ctx=None):
    """Writes {name: tensor or array} to a safetensors file, with {text: text} as metadata. The same tensors give the
    same bytes."""
    ctx = ctx or default_context()
    values = [as_tensor(value, ctx) for value in tensors.values()]
    names = (ctypes.c_char_p * len(values))(*[name.encode() for name in tensors])
    pairs = _metadata(metadata)
    lib.dnn_safetensors_write(ctx, os.fsencode(path), names, addresses(values), len(values), pairs, len(pairs))


class Archive(Handle, collections.abc.Mapping):
    """What a safetensors file holds: {name: tensor}, and `metadata`. Tensors share the memory of the archive, and keep
    it alive. Several threads may read it."""

    _release = lib.dnn_archive_release

    def __init__(self, path=None, *, data=None, ctx=None):
        """Reads the file of that path, or the bytes of one."""
        ctx = ctx or default_context()
        if path is not None:
            address = created(lib.dnn_safetensors_read, ctx, os.fsencode(path))
        else:
            address = created(lib.dnn_safetensors_parse, ctx, data, len(data))
        super().__init__(address, ctx)

    __eq__, __hash__ = object.__eq__, object.__hash__

    def __len__(self):
        return lib.dnn_archive_count(self)

    def __iter__(self):
        return iter([self._name(i) for i in range(len(self))])

    def _name(self, index):
        name = lib.dnn_archive_name(self, index)
        if name is None:
            raise failure()
        return name.decode()

    def __getitem__(self, name):
        """The tensor of that name; NotFoundError, which is a KeyError, if there is none."""
        return Tensor(created(lib.dnn_archive_tensor, self, name.encode()), self.ctx)

    def __contains__(self, name):
        return name in list(self)

    def dataset(self, inputs, targets=None):
        """Two of its tensors as a dataset; integer targets of one axis become int64 labels."""
        from .data import Dataset  # which is made of modules, which are made of weights

        names = inputs.encode(), None if targets is None else targets.encode()
        return Dataset(created(lib.dnn_archive_dataset, self, *names), self.ctx)

    @property
    def metadata(self):
        pairs = {}
        for i in range(lib.dnn_archive_metadata_count(self)):
            pair = abi.dnn_metadata()
            lib.dnn_archive_metadata_at(self, i, ctypes.byref(pair))
            pairs[pair.key.decode()] = pair.value.decode()
        return pairs


def load_tensors(path, *, ctx=None):
    """{name: tensor} of a safetensors file."""
    with Archive(path, ctx=ctx) as archive:
        return dict(archive)
