"""The paper trail: a folder for each run, in which everything is that explains it later; and a progress bar."""
import ctypes
import os
import shutil
import sys
import time

from . import _abi as abi
from . import _library
from ._handle import Handle, created
from ._library import io as _io
from ._library import lib
from ._progress import progress as _told
from ._structs import describe
from .context import default_context
from .report import Report
from .tensors import as_tensor


class Run(Handle):
    """A run's folder: run.json, log.txt, scalars.csv, TensorBoard's event files, pictures/.

        with dnn.Run("runs/lr-0.1", lr=0.1, batch=64) as run:
            for step, … in …:
                run.scalar("loss/train", step, loss)

    Settings are keyword arguments, or come by run.set(). An exception that leaves the block is how the run failed.

    argv: what the program was called with; default sys.argv. resume: go on with a run that is there (one begins where
    there is none); otherwise such a folder is a StateError. events: files for TensorBoard. log_context: the library's
    log lines go to log.txt, too.
    """

    _release = lib.dnn_run_release

    def __init__(self, folder, *, name=None, argv=None, resume=False, events=True, log_context=True, ctx=None,
                 **settings):
        ctx = ctx or default_context()
        argv = [os.fsencode(argument) for argument in (sys.argv if argv is None else argv)]
        desc = describe(abi.dnn_run_desc, name=name, argc=len(argv), no_events=not events,
                        no_context_log=not log_context,
                        mode=abi.dnn_run_mode.DNN_RUN_CONTINUE if resume else abi.dnn_run_mode.DNN_RUN_NEW)
        desc.argv = (ctypes.c_char_p * len(argv))(*argv)
        os.makedirs(os.path.dirname(os.path.abspath(folder)), exist_ok=True)
        super().__init__(created(lib.dnn_run_create, ctx, os.fsencode(folder), ctypes.byref(desc)), ctx)
        self.set(**settings)

    @property
    def folder(self):
        return os.fsdecode(lib.dnn_run_folder(self))

    def __exit__(self, kind, exception, _):
        self.end(exception)
        self.release()

    # ---- what it is

    def set(self, **settings):
        """Settings: numbers, True and False, and text (anything else by its str())."""
        for name, value in settings.items():
            if isinstance(value, bool):
                lib.dnn_run_set_bool(self, name.encode(), value)
            elif isinstance(value, (int, float)) or hasattr(value, "__float__"):
                lib.dnn_run_set_number(self, name.encode(), float(value))
            else:
                lib.dnn_run_set_text(self, name.encode(), str(value).encode())

    def set_model(self, description):
        """What module.describe(…) says, with the parameters counted."""
        lib.dnn_run_set_model(self, description)

    def set_data(self, name, dataset, progress=None):
        """The hash of a dataset, which is read once."""
        lib.dnn_run_set_data(self, name.encode(), dataset, ctypes.byref(_told(progress)))

    # ---- what happens

    def log(self, text):
        lib.dnn_run_log(self, str(text).encode())

    def scalar(self, tag, step, value):
        """A point of a curve: run.scalar("loss/train", step, loss)."""
        lib.dnn_run_add_scalar(self, tag.encode(), step, float(value))

    def histogram(self, tag, step, values):
        """How the elements of an array are distributed."""
        lib.dnn_run_add_histogram(self, tag.encode(), step, as_tensor(values, self.ctx))

    def image(self, tag, step, image):
        """An image (H, W) or (H, W, C): bytes, or floats from 0 to 1."""
        _io().dnn_run_add_image(self.ctx, self, tag.encode(), step, as_tensor(image, self.ctx))

    def text(self, tag, step, text):
        """Text, which is Markdown for TensorBoard."""
        lib.dnn_run_add_text(self, tag.encode(), step, text.encode())

    def add(self, report, step=0):
        """The text of a report."""
        lib.dnn_run_add_report(self, step, report)

    # ---- its end

    def flush(self):
        """Makes everything safe on disk."""
        lib.dnn_run_flush(self)

    def end(self, exception=None):
        """The run is done; or it failed with this exception. A block's end does it, too."""
        status = abi.dnn_status.DNN_OK
        if exception is not None:
            status = _library.keep_exception(exception)
        lib.dnn_run_end(self, status)

    def report(self):
        """The folder as a report: settings, curves, log."""
        return run_report(self.folder, self.ctx)

    def write_html(self, path=None, more=None):
        """A page of the run, in its folder unless a path is given; `more` is a report that goes with it."""
        _io().dnn_run_write_html(self.ctx, None if path is None else os.fsencode(path), os.fsencode(self.folder), more)


def run_report(folder, ctx=None):
    """A run's folder as a report, whoever wrote it."""
    ctx = ctx or default_context()
    return Report(created(lib.dnn_run_report, ctx, os.fsencode(folder)), ctx)


def compare_runs(a, b, ctx=None):
    """What the runs in two folders differ in, and what came of it: "more-than-one-change" if that cannot be told."""
    ctx = ctx or default_context()
    return Report(created(lib.dnn_run_compare, ctx, os.fsencode(a), os.fsencode(b)), ctx)


class progress:
    """Goes through an iterable and shows a bar with rate, loss and time left, on terminals only.

        for x, target in (bar := dnn.progress(loader, "epoch 3", unit="images", units_per_step=64)):
            …
            bar.loss = value

    str(bar) is the line as it is now."""

    _interval = 0.1  # seconds

    def __init__(self, iterable, label=None, *, total=None, unit=None, units_per_step=None, file=None, width=None,
                 plain=None):
        self._iterable, self._file = iterable, sys.stderr if file is None else file
        self.total = total if total is not None else len(iterable) if hasattr(iterable, "__len__") else 0
        self.label, self.unit, self.units_per_step = label, unit, units_per_step
        self.width = width or min(max(shutil.get_terminal_size().columns, 20), 500)
        encoding = getattr(self._file, "encoding", None) or ""
        self.plain = not encoding.lower().startswith("utf") if plain is None else plain
        self.loss, self.done, self._began, self._shown = None, 0, time.monotonic(), 0.0

    def __len__(self):
        return self.total

    def __iter__(self):
        terminal = self._file.isatty()
        self.done, self._began = 0, time.monotonic()
        try:
            for item in self._iterable:
                yield item
                self.done += 1
                if terminal and time.monotonic() - self._shown > self._interval:
                    self._show("\r")
        finally:
            if terminal:
                self._show("\n")

    def _show(self, end):
        self._shown = time.monotonic()
        self._file.write(f"\r{self}{end}")
        self._file.flush()

    def __str__(self):
        bar = describe(abi.dnn_bar, label=self.label, done=self.done, total=max(self.total, self.done) if self.total else 0,
                       seconds=time.monotonic() - self._began, unit=self.unit, units_per_step=self.units_per_step,
                       loss=self.loss, width=self.width, plain=self.plain)
        text = ctypes.create_string_buffer(4 * self.width)
        lib.dnn_bar_line(text, len(text), ctypes.byref(bar))
        return text.value.decode()
