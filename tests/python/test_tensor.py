"""Tensors and NumPy arrays share memory; lent ones end; errors are exceptions."""
import gc
import weakref

import numpy as np
import pytest

import dnn


def test_an_array_is_shared_and_kept_alive(ctx, nothing_left):
    array = np.zeros((2, 3), np.float32)
    alive = weakref.ref(array)
    t = dnn.tensor(array, ctx=ctx)
    assert np.shares_memory(t.numpy(), array)
    array[1, 2] = 7
    assert t.numpy()[1, 2] == 7
    t.numpy()[0, 0] = 9
    assert array[0, 0] == 9
    del array
    gc.collect()
    assert alive() is not None
    t.release()
    assert alive() is None


def test_a_view_outlives_tensor_and_context(nothing_left):
    ctx = dnn.Context()
    t = dnn.zeros((3, 4), "float64", ctx=ctx)
    t.set(np.arange(12.0).reshape(3, 4))
    view = t.numpy()[1:]
    t.release()
    ctx.release()
    gc.collect()
    assert view.tolist() == [[4, 5, 6, 7], [8, 9, 10, 11]]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "uint8", "int32", "int64", "bool"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 0, 5), (2, 3, 1, 2)])
def test_every_dtype_and_shape_goes_there_and_back(dtype, shape):
    array = np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape).astype(dtype)
    t = dnn.tensor(array, copy=array.size == 0 or None)
    assert (t.shape, t.dtype, t.size, t.nbytes) == (shape, dtype, array.size, array.nbytes)
    assert np.array_equal(t.numpy(), array) and t.numpy().dtype == array.dtype
    assert np.array_equal(np.asarray(t), array)


def test_copies_are_made_only_where_needed():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert np.shares_memory(dnn.tensor(array, copy=False).numpy(), array)
    assert not np.shares_memory(dnn.tensor(array, copy=True).numpy(), array)
    for strange in (array.T, array.astype(">f4"), array[:, ::2]):
        assert np.array_equal(dnn.tensor(strange).numpy(), strange)
        with pytest.raises(ValueError):
            dnn.tensor(strange, copy=False)
    with pytest.raises(ValueError):
        dnn.tensor([1.0, 2.0], copy=False)


def test_python_numbers_become_what_networks_want():
    assert dnn.tensor([[0.5, 1]]).dtype == "float32"
    assert dnn.tensor([1, 2]).dtype == "int64"
    assert dnn.tensor(np.float64([1])).dtype == "float64"
    assert dnn.tensor([1, 2], dtype="uint8").dtype == "uint8"
    assert dnn.tensor(dnn.tensor(np.float64([1]))).dtype == "float64"
    assert dnn.tensor([1, 2], dtype=np.float64).dtype == "float64"


def test_a_read_only_array_stays_read_only():
    array = np.zeros(3, np.float32)
    array.flags.writeable = False
    t = dnn.tensor(array)
    assert np.shares_memory(t.numpy(), array) and not t.numpy().flags.writeable
    with pytest.raises(dnn.StateError, match="read-only"):
        t.set(1)
    assert t.clone().writable


def test_views_and_conversions():
    t = dnn.tensor(np.arange(6, dtype=np.float32).reshape(3, 2))
    assert t[1].numpy().tolist() == [2, 3] and t[-1].shape == (2,)
    assert t[1:3].numpy().tolist() == [[2, 3], [4, 5]]
    assert t.reshape(2, -1).shape == (2, 3)
    t[0].set([8, 9])
    assert t.numpy()[0].tolist() == [8, 9]
    assert t.cast("int32").numpy().tolist() == [[8, 9], [2, 3], [4, 5]]
    assert t.cast("bfloat16").cast("float32").numpy().tolist() == t.numpy().tolist()
    assert dnn.tensor(5.0).item() == 5
    assert len(t) == 3 and list(np.asarray(t, dtype=np.int64)[1]) == [2, 3]
    with pytest.raises(IndexError):
        t[3]


def test_errors_are_exceptions_with_the_librarys_line():
    t = dnn.tensor([0.5, -1.0, 2.0])
    with pytest.raises(dnn.InvalidValueError, match=r"2 of 3 .*do not fit uint8.* 0\.5"):
        t.cast("uint8")
    assert t.cast("uint8", lossy=True).numpy().tolist() == [0, 0, 2]
    with pytest.raises(dnn.ShapeError, match="3 elements do not fill shape") as caught:
        t.reshape(2, 2)
    assert isinstance(caught.value, ValueError) and caught.value.status == 20
    with pytest.raises(dnn.DTypeError, match="complex64"):
        dnn.tensor(np.zeros(2, np.complex64))
    with pytest.raises(TypeError):
        dnn.zeros((2,), "float99")
    with pytest.raises(dnn.DTypeError, match="cast"):
        t.cast("bfloat16").numpy()
    with pytest.raises(dnn.ShapeError, match=r"values have shape \[2\], the tensor \[3\]"):
        t.set([1, 2])
    with pytest.raises(dnn.ShapeError):
        t.item()


def test_too_much_memory_is_a_memory_error():
    with pytest.raises(MemoryError):
        dnn.zeros((1 << 46,), "float32")


def test_what_was_released_says_so():
    t = dnn.zeros((2,))
    with t:
        assert t.size == 2
    assert t.released and repr(t) == "Tensor(gone)"
    with pytest.raises(dnn.HandleError, match="this Tensor was released"):
        t.numpy()
    t.release()


def test_fill_follows_the_seed(ctx):
    def draw():
        t = dnn.zeros((4, 5), ctx=ctx)
        t.fill(dnn.init("kaiming_normal", fan="out"))
        return t.copy()

    ctx.seed(3)
    first, second = draw(), draw()
    ctx.seed(3)
    assert np.array_equal(first, draw()) and np.array_equal(second, draw())
    assert not np.array_equal(first, second)
    zero = dnn.zeros((2,), ctx=ctx)
    zero.fill(dnn.init("constant", 0))
    assert not np.signbit(zero.numpy()).any()
    with pytest.raises(dnn.ArgumentError, match="DNN_INIT_UNIFORM"):
        dnn.init("kaiming")
