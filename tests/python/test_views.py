"""Views of datasets: choosing, changing, mixing; hashes and sets that were chosen once; datasets of anything."""
import gc

import numpy as np
import pytest

import dnn
from dnn import views


def numbers(n=12):
    """Input [i, i], target i mod 3."""
    return dnn.Dataset.from_arrays(np.repeat(np.arange(n, dtype=np.float32), 2).reshape(n, 2),
                                   np.arange(n, dtype=np.int64) % 3)


def inputs(data):
    return [int(x[0]) for x, _ in data]


# ---- choosing


def test_splits_keep_classes_and_groups():
    first, second = numbers(30).split(0.5, stratified=True, seed=3)
    assert np.bincount(first.targets()).tolist() == [5, 5, 5] == np.bincount(second.targets()).tolist()
    group = np.arange(30) // 5
    first, second = numbers(30).split(count=12, groups=group)
    assert len(first) == 10 and not set(group[inputs(first)]) & set(group[inputs(second)])
    with pytest.raises(TypeError):
        numbers().split(0.5, groups=np.full(12, 0.5))
    with pytest.raises(dnn.ArgumentError):
        numbers().split(0.5, groups=[1, 2])


def test_filter_and_concat():
    data = numbers()
    even = data.filter(lambda x, t: x[0] % 2 == 0)
    ones = data.filter(lambda x, t: x is None and t == 1, targets_only=True)
    assert inputs(even) == [0, 2, 4, 6, 8, 10] and inputs(ones) == [1, 4, 7, 10]
    assert inputs(even + ones) == inputs(even) + inputs(ones) == inputs(even.concat(ones))
    with pytest.raises(dnn.ShapeError):
        data + dnn.Dataset.from_arrays(np.zeros((2, 3), np.float32), np.zeros(2, np.int64))
    with pytest.raises(TypeError):
        data + 1


def test_a_filter_that_raises():
    with pytest.raises(dnn.CallbackError, match="sample 0") as caught:
        numbers().filter(lambda x, t: 1 / 0)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)

    def stop(what, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        numbers().filter(lambda x, t: True, progress=stop)


def test_classes_come_equally_often():
    data = dnn.Dataset.from_arrays(np.arange(10, dtype=np.float32), np.array([0] * 8 + [1] * 2))
    even = data.balance(seed=1)
    assert len(even) == 16 and np.bincount(even.targets()).tolist() == [8, 8]
    loader = dnn.Loader(even, 16)
    epochs = [next(iter(loader))[0].numpy().tolist() for _ in range(2)]
    assert epochs[0] != epochs[1]


# ---- changing


def test_map(nothing_left):
    data = numbers()
    halves = data.map(lambda x, t: (x[:1] / 2, t), input=(1,), range=(0, 6))
    assert [float(x[0]) for x, _ in halves] == [i / 2 for i in range(12)] and halves.range == (0, 6)
    keyed = data.map(lambda index, epoch, x, t: (x * 0 + index * 100 + epoch, t), indexed=True)
    loader = dnn.Loader(keyed, 12, workers=2)
    loader.seek(3)
    assert loader.next()[0].numpy()[:, 0].tolist() == [100 * i + 3 for i in range(12)]
    alone = dnn.Dataset.from_arrays(np.ones((2, 2), np.float32)).map(lambda x: x + 1)
    assert alone[1][0].tolist() == [2, 2]
    wrong = data.map(lambda x, t: (np.zeros(3, np.float32), t))
    with pytest.raises(dnn.CallbackError, match="sample 0"):
        wrong[0]


def test_maps_are_forgotten():
    before = len(views._maps)
    view = numbers().map(lambda x, t: (x, t))
    assert len(views._maps) == before + 1
    del view
    gc.collect()
    assert len(views._maps) == before
    with pytest.raises(dnn.ShapeError):
        numbers().map(lambda x, t: (x, t), input=(-1,))
    assert len(views._maps) == before


def test_windows():
    images = np.arange(2 * 4 * 6, dtype=np.uint8).reshape(2, 4, 6, 1)
    data = dnn.Dataset.from_arrays(images, images[..., 0])
    cut = data.windows((2, 3), target="dense")
    assert len(cut) == 8 and (cut[3][0] == images[0, 2:4, 3:6]).all() and (cut[3][1] == images[0, 2:4, 3:6, 0]).all()
    centre = data.windows(3, stride=1, target="centre")
    assert len(centre) == 2 * 2 * 4 and centre[1][1] == images[0, 1, 2, 0]
    assert centre.sample_name(15) == "sample 1 (1, 3)"
    steps = dnn.Dataset.from_arrays(np.arange(10, dtype=np.int64)[None]).windows(4, cover=True)
    assert [x.tolist() for x, _ in steps] == [[0, 1, 2, 3], [4, 5, 6, 7], [6, 7, 8, 9]]


def test_windows_at_a_receptive_field():
    net = dnn.Sequential(dnn.conv2d(1, 2, 3), dnn.avg_pool2d(2), dnn.conv2d(2, 1, 3))
    seen = net.receptive_field((1, 20, 20, 1))
    assert seen.field == (8, 8) and seen.stride == (2, 2) and not seen.all
    data = dnn.Dataset.from_arrays(np.random.default_rng(1).normal(size=(1, 20, 20, 1)).astype(np.float32))
    whole = net(data[:][0]).numpy()
    one_by_one = data.windows(seen.field, stride=seen.stride)
    assert np.allclose(net(one_by_one[:][0]).numpy().ravel(), whole.ravel(), atol=1e-6)


def test_mixtures_are_what_the_loss_takes():
    mixed = numbers().mix(mixup=0.4, classes=3, seed=2)
    x, t = mixed[:]
    assert t.shape == (12, 3) and t.dtype == np.float32 and np.allclose(t.sum(1), 1)
    assert ((x[:, 0] % 1) > 0).any() and (x == mixed[:][0]).all()
    value, _ = dnn.cross_entropy()(dnn.zeros((12, 3)), t)
    assert abs(value - np.log(3)) < 1e-6
    with pytest.raises(dnn.ArgumentError):
        numbers().mix(classes=3)


# ---- hashes, sets


def test_sets_chosen_once(tmp_path):
    data, path = numbers(), tmp_path / "sets.safetensors"
    train, test = data.split(0.75, seed=9)
    data.save_sets(path, {"small": train.first(3), "test": test})
    assert inputs(data.load_set(path, "test")) == inputs(test)
    assert inputs(data.load_set(path, "small", check_hash=False)) == inputs(train)[:3]
    other = data.subset(range(11, -1, -1))
    assert data.hash() == numbers().hash() != other.hash()
    with pytest.raises(dnn.InvalidValueError, match="hash"):
        other.load_set(path, "test")
    with pytest.raises(dnn.NotFoundError):
        data.load_set(path, "large")
    told = []
    data.hash(progress=lambda what, done, total: told.append((what, done, total)))
    assert told[-1] == ("hashing samples", 12, 12)


# ---- datasets of anything


def test_datasets_of_anything(nothing_left):
    pairs = [(np.full(2, i, np.float32), i) for i in range(5)]
    kinds = [dnn.dataset(pairs), dnn.dataset(pair for pair in pairs), dnn.Dataset.from_iterable(iter(pairs), 5),
             dnn.dataset(np.stack([x for x, _ in pairs]), np.arange(5)), dnn.dataset(numbers(5))]
    for data in kinds:
        assert len(data) == 5 and data[3][0].tolist() == [3, 3]
    assert kinds[0].hash() == kinds[1].hash() == kinds[2].hash() == kinds[3].hash()
    alone = dnn.dataset(np.ones(3) * i for i in range(4))
    assert alone.item.target is None and alone[2][0].tolist() == [2, 2, 2]
    named = dnn.dataset(pairs, name=lambda i: f"pair {i}", class_names="abcde", range=(0, 4))
    assert named.sample_name(2) == "pair 2" and named.class_names[4] == "e"
    with pytest.raises(dnn.ShapeError, match="input 1 is"):
        dnn.dataset(np.ones(i) for i in range(1, 3))
    with pytest.raises(dnn.ArgumentError, match="2 samples came, 3"):
        dnn.Dataset.from_iterable(iter(pairs[:2]), 3)
    with pytest.raises(dnn.ArgumentError):
        dnn.dataset(iter([]))
