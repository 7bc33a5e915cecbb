"""Files between libdnn and the `safetensors` package: each reads what the other has written, and gives the same bytes."""
import json
import random

import numpy as np
import pytest

import dnn

safetensors = pytest.importorskip("safetensors")
from safetensors.numpy import load, load_file, save, save_file  # noqa: E402

DTYPES = [np.bool_, np.uint8, np.float16, np.int32, np.float32, np.float64, np.int64]


def arrays(seed):
    """A few arrays of random names, dtypes and shapes, sizes of 0 and scalars among them."""
    rng, chance = np.random.default_rng(seed), random.Random(seed)
    made = {}
    for i in range(chance.randrange(8)):
        shape = tuple(chance.choice([0, 1, 1, 2, 3, 7]) for _ in range(chance.randrange(5)))
        name = chance.choice(["w", "größe", "a.b.c", 'q"\\', "tab\t", ""]) + str(i) * chance.randrange(1, 3)
        made[name] = np.asarray(rng.normal(size=shape) * 100).astype(chance.choice(DTYPES))
    return made


def same(ours, theirs):
    assert sorted(ours) == sorted(theirs)
    for name, array in theirs.items():
        assert ours[name].shape == array.shape and ours[name].dtype == array.dtype, name
        assert ours[name].tobytes() == array.tobytes(), name


@pytest.mark.parametrize("seed", range(40))
def test_we_read_what_they_write(tmp_path, seed):
    path, metadata = tmp_path / "theirs.safetensors", {"key": "wert ü", "format": "np"} if seed % 2 else None
    made = arrays(seed)
    save_file(made, path, metadata=metadata)
    archive = dnn.Archive(path)
    same({name: tensor.numpy() for name, tensor in archive.items()}, made)
    assert archive.metadata == (metadata or {})


@pytest.mark.parametrize("seed", range(40))
def test_they_read_what_we_write(tmp_path, seed):
    path, made = tmp_path / "ours.safetensors", arrays(seed)
    dnn.save_tensors(path, made, {"key": "wert ü"})
    same(load_file(path), made)
    with safetensors.safe_open(path, framework="np") as file:
        assert file.metadata() == {"key": "wert ü"}


@pytest.mark.parametrize("seed", range(40))
def test_same_bytes(tmp_path, seed):
    path, made = tmp_path / "ours.safetensors", arrays(seed)
    dnn.save_tensors(path, made, {"format": "np"})
    assert path.read_bytes() == save(made, metadata={"format": "np"})


def broken(seed):
    """A small file in which one thing was changed: a bit, a byte, its length."""
    chance = random.Random(seed)
    data = bytearray(save({"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros(3, np.uint8)}))
    change = chance.randrange(4)
    if change == 0:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif change == 1:
        data[chance.randrange(8, 140)] = ord(chance.choice('0123456789{}[]",:. -e\\'))
    elif change == 2:
        del data[chance.randrange(len(data)):]
    else:
        at = chance.randrange(8, len(data))
        data[at:at] = chance.choice([b" ", b"0", b'"', b",", b"\0"])
        data[:8] = (int.from_bytes(data[:8], "little") + chance.randrange(2)).to_bytes(8, "little")
    return bytes(data)


def test_we_accept_nothing_that_they_refuse():
    """We are stricter than they are in places (unknown fields, names with a NUL), never laxer."""
    accepted = 0
    for seed in range(4000):
        data = broken(seed)
        try:
            ours = {name: tensor.numpy().copy() for name, tensor in dnn.Archive(data=data).items()}
        except dnn.Error:
            continue
        same(ours, load(data))
        accepted += 1
    assert accepted > 100


@pytest.mark.parametrize("header", ['{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}', '{"a\\u0000":{}}'])
def test_stricter(header):
    json.loads(header)
    with pytest.raises(dnn.Error):
        dnn.Archive(data=len(header).to_bytes(8, "little") + header.encode() + bytes(8))


def test_torch_module(tmp_path):
    """A network of PyTorch's computes the same here."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_torch

    theirs = torch.nn.Sequential()
    theirs.add_module("conv", torch.nn.Conv2d(3, 4, (3, 2)))
    theirs.add_module("relu", torch.nn.ReLU())
    theirs.add_module("flatten", torch.nn.Flatten())
    theirs.add_module("fc", torch.nn.Linear(4 * 3 * 4, 5))
    save_torch(theirs.state_dict(), tmp_path / "torch.safetensors")
    ours = dnn.Sequential(conv=dnn.conv2d(3, 4, (3, 2)), relu=dnn.relu(), flatten=dnn.flatten(), fc=dnn.linear(48, 5))
    ours.load(tmp_path / "torch.safetensors", layout="torch", flattened={"fc.weight": (3, 4, 4)})
    x = torch.randn(2, 3, 5, 5)
    y = ours(x.permute(0, 2, 3, 1).contiguous().numpy()).numpy()
    np.testing.assert_allclose(y, theirs(x).detach().numpy(), rtol=1e-5, atol=1e-6)
