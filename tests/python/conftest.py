"""What the tests share. They need the package (PYTHONPATH, or installed) and the library (DNN_LIBRARY names it)."""
import gc
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dnn
from dnn import _library, layer, tensors

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings" / "python"))


@pytest.fixture
def ctx():
    """A context of the test's own, with a seed."""
    with dnn.Context(seed=1, threads=2) as context:
        yield context


@pytest.fixture
def compile_and_run(tmp_path):
    """Compiles a C program with our headers, linked with the library that is loaded, and returns what it prints."""
    compiler = shutil.which("cc")
    if not compiler:
        pytest.skip("there is no C compiler")

    def run(source):
        program, file = tmp_path / "program", tmp_path / "program.c"
        file.write_text(source)
        library = Path(_library.path).resolve()
        link = [str(library), f"-Wl,-rpath,{library.parent}"] if library.exists() else ["-ldnn"]
        subprocess.run([compiler, "-std=c11", f"-I{ROOT / 'include'}", str(file), "-o", str(program), *link, "-lm"],
                       check=True)
        return subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout

    return run


@pytest.fixture
def nothing_left():
    """Fails if the test leaves arrays or layers that the library still holds on to."""
    gc.collect()
    before = len(tensors._wrapped), len(layer._layers)
    yield
    gc.collect()
    assert (len(tensors._wrapped), len(layer._layers)) == before
