"""The package in processes of its own: how it finds the library, how it ends, and the example."""
import os
import subprocess
import sys

import pytest

from conftest import ROOT


def python(*arguments, **environment):
    env = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-X", "faulthandler", *arguments], env=env, capture_output=True, text=True,
                          timeout=120)


def test_the_example_learns():
    done = python(str(ROOT / "examples" / "digits.py"), "--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "% right" in done.stdout


def test_the_example_inspects():
    done = python(str(ROOT / "examples" / "inspect_data.py"), "--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "good files: fine · others: refused" in done.stdout


def test_a_library_that_is_not_there_says_which_variable_to_set():
    done = python("-c", "import dnn", DNN_LIBRARY="no/such/libdnn.so")
    assert done.returncode == 1 and "DNN_LIBRARY" in done.stderr and "no/such/libdnn.so" in done.stderr


def test_io_is_optional():
    program = "import dnn\ntry: dnn.io.read_png('x')\nexcept dnn.UnsupportedError as error: print(error)"
    done = python("-c", program, DNN_IO_LIBRARY="no/such/libdnn_io.so")
    assert "DNN_IO_LIBRARY" in done.stdout, done.stderr


CYCLE = "import gc; gc.disable(); cycle = [loader]; cycle.append(cycle)"


@pytest.mark.parametrize("ending", ["pass", "raise SystemExit(0)", CYCLE], ids=["pass", "exit", "cycle"])
def test_a_process_ends_with_everything_in_use(ending):
    program = f"""
import numpy as np, dnn
class Layer(dnn.Layer):
    def forward(self, call):
        return call.inputs[0]
ctx = dnn.Context(log=print)
data = dnn.Dataset.from_function(lambda i, epoch: np.full(3, i, np.float32), 10000, (3,), ctx=ctx)
loader = dnn.Loader(data, 2, workers=3, prefetch=50)
net = dnn.Sequential(Layer(), dnn.linear(3, 2, ctx=ctx), ctx=ctx)
predict = dnn.Predictor(net)
y = predict(loader.next()[0]).numpy()
print("done")
{ending}
"""
    done = python("-c", program)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
