"""Datasets from arrays, sequences and functions; the loader."""
import gc
import threading

import numpy as np
import pytest

import dnn


def pairs(n=10):
    return np.arange(2 * n, dtype=np.float32).reshape(n, 2), np.arange(n, dtype=np.int64)


def test_arrays_are_shared_and_stay_in_step(nothing_left):
    x, t = pairs()
    data = dnn.Dataset.from_arrays(x, t)
    assert len(data) == 10 and data.item.input == dnn.Spec((2,)) and data.item.target == dnn.Spec((), "int64")
    x[3] = 77
    assert data[3][0].tolist() == [77, 77] and data[3][1] == 3
    inputs, targets = data[2:4]
    assert inputs.tolist() == [[4, 5], [77, 77]] and targets.tolist() == [2, 3]
    assert data[::5][1].tolist() == [0, 5] and data[-1][1] == 9
    assert [int(t) for _, t in data] == list(range(10))
    with pytest.raises(dnn.ShapeError):
        dnn.Dataset.from_arrays(x, t[:-1])
    with pytest.raises(dnn.NotFoundError):
        data.subset([10])


def test_views():
    data = dnn.Dataset.from_arrays(*pairs())
    first, second = data.split(0.7, seed=1)
    assert (len(first), len(second)) == (7, 3)
    assert sorted(int(t) for part in (first, second) for _, t in part) == list(range(10))
    assert data.subset([4, 4, 1]).first(2)[:][1].tolist() == [4, 4]
    assert len(data.split(count=2)[0]) == 2
    with pytest.raises(dnn.ArgumentError):
        data.split()


def test_metadata_travels(nothing_left):
    data = dnn.Dataset.from_arrays(*pairs(), class_names=["cat", "dög"], range=(0, 9))
    part = data.subset([7, 3])
    assert part.class_names == ["cat", "dög"] and part.range == (0, 9)
    assert part.sample_name(0) == "sample 7" and part.source_index(1) == 3
    assert part.with_metadata(range=(-1, 1)).range == (-1, 1)
    assert part.with_metadata(classes=3).class_names == [None] * 3
    assert dnn.Dataset.from_arrays(*pairs()).range is None
    with pytest.raises(dnn.InvalidValueError):
        data.with_metadata(range=(3, 2))
    with pytest.raises(dnn.NotFoundError):
        part.source_index(2)
    made = dnn.Dataset.from_function(lambda i, e: [i], 3, (1,), name=lambda i: f"{i}.png" if i else "ä" * 5000,
                                     range=(0, 3))
    assert made.first(2).sample_name(1) == "1.png" and made.range == (0, 3)
    assert set(made.sample_name(0)) == {"ä"}


def test_any_sequence(nothing_left):
    class Squares:
        def __len__(self):
            return 7

        def __getitem__(self, i):
            return [i / 2, i * i], i

    data = dnn.Dataset.from_sequence(Squares())
    assert data.item.input == dnn.Spec((2,), "float32") and data.item.target == dnn.Spec((), "int64")
    batches = [(x.shape, t.numpy().tolist()) for x, t in dnn.Loader(data, 4)]
    assert batches == [((4, 2), [0, 1, 2, 3]), ((3, 2), [4, 5, 6])]
    alone = dnn.Dataset.from_sequence([np.zeros(3)] * 2)
    assert alone.item.target is None and alone[0][1] is None
    assert [t for _, t in dnn.Loader(alone, 1)] == [None, None]


def test_functions_see_the_epoch_and_run_in_the_loaders_threads():
    seen = set()

    def get(index, epoch):
        seen.add(threading.get_ident())
        return np.float32([index, epoch]), index

    data = dnn.Dataset.from_function(get, 5, (2,), dnn.Spec((), "int32"), thread_safe=True)
    loader = dnn.Loader(data, 2, workers=2)
    for epoch in range(2):
        assert np.concatenate([x.copy() for x, _ in loader])[:, 1].tolist() == [epoch] * 5
    assert threading.get_ident() not in seen


@pytest.mark.parametrize("prefetch", [0, 2])
def test_a_failing_sample_is_an_exception_with_its_index_and_cause(prefetch):
    def get(index, epoch):
        if index == 5:
            raise KeyError("label")
        return np.float32([index])

    loader = dnn.Loader(dnn.Dataset.from_function(get, 8, (1,)), 2, prefetch=prefetch)
    with pytest.raises(dnn.CallbackError, match="sample 5: KeyError: 'label'") as caught:
        for _ in loader:
            pass
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(dnn.Error, match=r"input has shape|input have shape"):
        dnn.Dataset.from_function(lambda i, e: np.zeros(3), 8, (1,))[0]
    with pytest.raises(dnn.CallbackError, match="sample 0: TypeError: Cannot cast"):
        dnn.Dataset.from_function(lambda i, e: np.float32([0.5]), 8, dnn.Spec((1,), "uint8"))[0]


def test_epochs():
    data = dnn.Dataset.from_arrays(*pairs())
    loader = dnn.Loader(data, 4, shuffle=True, seed=3)
    epochs = [np.concatenate([t.copy() for _, t in loader]).tolist() for _ in range(2)]
    assert len(loader) == 3 and loader.epoch == 2
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(10)) and epochs[0] != epochs[1]
    again = dnn.Loader(data, 4, shuffle=True, seed=3, prefetch=0)
    for _ in again:
        break
    assert np.concatenate([t.copy() for _, t in again]).tolist() == epochs[1]
    again.seek(0, 1)
    assert again.position == (0, 1)
    assert np.concatenate([t.copy() for _, t in again]).tolist() == epochs[0][4:]
    assert [len(t) for _, t in dnn.Loader(data, 4, last="drop")] == [4, 4]


def test_batches_are_lent():
    loader = dnn.Loader(dnn.Dataset.from_arrays(*pairs()), 5)
    batches = [x for x, _ in loader]
    with pytest.raises(dnn.StateError, match="lent until the loader's next batch"):
        batches[0].numpy()
    for x, _ in loader:
        assert not x.writable and x.clone().numpy().tolist() == x.numpy().tolist()


def test_releasing_in_any_order_and_in_cycles(nothing_left):
    ctx = dnn.Context()
    data = dnn.Dataset.from_sequence([(np.float32([i]), i) for i in range(100)], ctx=ctx)
    loader = dnn.Loader(data, 3, shuffle=True)
    data.release()
    ctx.release()
    x, _ = loader.next()
    view = x.numpy()
    loader.release()
    assert view.shape == (3, 1)

    class Cyclic:
        def __len__(self):
            return 50

        def __getitem__(self, i):
            gc.collect()  # may find the loader below to be garbage, in the loader's own thread
            return np.float32([i])

    for _ in range(3):
        source = Cyclic()
        source.loader = dnn.Loader(dnn.Dataset.from_sequence(source), 2)
        source.loader.next()
        del source
        gc.collect()


def test_digits():
    data = dnn.digits(20, first=30, image_size=12)
    assert data.item.input == dnn.Spec((12, 12, 1))
    assert sorted(data[:10][1].tolist()) == list(range(10))
