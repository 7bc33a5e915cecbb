"""Look at data before the first step: what is in it, what the model would get, and what is wrong with it. The report goes to
the terminal as text, and into one HTML page with pictures, which needs no server.

    inspect_data.py [--out PAGE.html] [--test PATH [PATH]] PATH [PATH]

PATH: a pair of IDX or npy files (inputs, targets; one for inputs alone), or an npz or safetensors file with arrays
"inputs" and "targets". --test names the test set of the same kind: the two are then searched for leaks. inspect.c takes
image folders, CIFAR and texts besides.

(Its name is not inspect.py: Python's own module of that name would not be found by programs beside it.)

Ends with 0 if no error was found, 2 if one was, 1 if the data cannot be read.
"""
import argparse
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

import dnn


def named(arrays):
    """Inputs, and targets if there are some, by their names."""
    return [arrays[name] for name in ("inputs", "targets") if name in arrays]


def read(path):
    """The arrays of a file: one, or inputs and targets."""
    start = path.open("rb").read(6)
    if path.suffix == ".safetensors":
        return named(dnn.load_tensors(path))
    if start.startswith(b"PK"):
        with np.load(path, allow_pickle=False) as arrays:
            return named(dict(arrays))
    if start == b"\x93NUMPY":
        return [np.load(path, allow_pickle=False)]
    return [dnn.io.read_idx(path)]


def open_data(paths):
    arrays = [array for path in paths for array in read(Path(path))]
    if not 1 <= len(arrays) <= 2:
        raise ValueError(f"{paths[0]}: inputs, or inputs and targets, are needed; there are {len(arrays)} arrays")
    if len(arrays) == 2:
        labels = np.asarray(arrays[1])
        arrays[1] = labels.astype(np.int64) if labels.ndim == 1 and labels.dtype.kind in "iub" else labels
    return dnn.Dataset.from_arrays(*arrays)


def as_for_training(data):
    """Bytes become floats; what is float already is taken as it is."""
    return data.transform(dnn.transform.to_float()) if data.item.input.dtype == np.uint8 else data


def add_sheets(report, data):
    if len(data.item.input.shape) not in (2, 3):
        return
    report.add_picture("samples at random", dnn.sheet_of(data))
    if data.item.target is not None and data.item.target.shape == () and data.item.target.dtype == np.int64:
        report.add_picture("samples by class", dnn.sheet_of(data, "by_class"))


def inspect(paths, test_paths):
    report = dnn.Report(", ".join(str(path) for path in paths))
    train = open_data(paths)
    test = open_data(test_paths) if test_paths else None
    report.append(dnn.summarise(train, name="train" if test else "data"))
    if test:
        report.append(dnn.summarise(test, name="test"))
    add_sheets(report, train)
    report.append(dnn.look(dnn.Loader(as_for_training(train), 64, shuffle=True), name="a batch"))
    report.append(dnn.audit(train, test))
    return report


def run(paths, test_paths, out):
    try:
        report = inspect(paths, test_paths)
        report.write_html(out)
    except (dnn.Error, OSError, ValueError, zipfile.BadZipFile) as error:
        print(error, file=sys.stderr)
        return 1
    print(report)
    print("as a page:", out)
    return 2 if report.worst == "error" else 0


def quick():
    """The test of this program: good files give a report without errors, others are refused."""
    with tempfile.TemporaryDirectory() as folder:
        x, y, page = (Path(folder) / name for name in ("x.npy", "y.npy", "page.html"))
        images, labels = dnn.digits(300).get(range(300))
        np.save(x, (255 * images.numpy()).astype(np.uint8))
        np.save(y, labels.numpy())
        good = run([x, y], None, page) == 0 and page.exists()
        x.write_bytes(x.read_bytes()[:1000])
        cut = run([x, y], None, page) == 1
        x.unlink()
        gone = run([x, y], None, page) == 1
    print("good files:", "fine" if good else "WRONG", "· others:", "refused" if cut and gone else "WRONG")
    return int(not (good and cut and gone))


def main():
    parser = argparse.ArgumentParser(description="Looks at data before the first step.")
    parser.add_argument("paths", nargs="*", metavar="PATH")
    parser.add_argument("--test", nargs="+", metavar="PATH")
    parser.add_argument("--out", default="inspect.html", metavar="PAGE.html")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    if arguments.quick:
        return quick()
    if not 1 <= len(arguments.paths) <= 2:
        parser.error("one or two paths")
    return run(arguments.paths, arguments.test, arguments.out)


sys.exit(main())
