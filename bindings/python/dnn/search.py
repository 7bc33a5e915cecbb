"""Search: the numbers of a run that nobody knows beforehand: rates, widths, decays."""
import ctypes
import os

from . import _abi as abi
from ._handle import Handle, created
from ._library import failure, lib
from ._structs import asked, describe, enum
from .context import default_context
from .report import Report


class Trial:
    """One run of the program: trial["lr"] is the value of a parameter, the text of a choice."""

    def __init__(self, search, number):
        self.search, self.number = search, number

    def __getitem__(self, name):
        return self.search._value(self.number, name)

    @property
    def values(self):
        """All of them, as a dict."""
        return {name: self[name] for name in self.search._parameters}

    @property
    def _info(self):
        return asked(abi.dnn_trial_info, lib.dnn_search_trial, self.search, self.number)

    @property
    def state(self):
        """"none", "running", "waiting", "stopped" or "done"."""
        return abi.dnn_trial_state(self._info.state).name.removeprefix("DNN_TRIAL_").lower()

    @property
    def steps(self):
        """The last step that was told, by any process: where a checkpoint of the trial goes on. 0: none."""
        return self._info.steps

    @property
    def value(self):
        """What was told for it; NaN: nothing, or the trial failed."""
        return self._info.value

    def tell(self, step, value):
        """What the trial has reached behind `step` steps. True: go on; False: leave it, and take the next one."""
        go_on = ctypes.c_int32()
        lib.dnn_search_tell(self.search, self.number, step, value, ctypes.byref(go_on))
        return bool(go_on.value)

    def __repr__(self):
        return f"Trial({self.number}, {self.values})"


class Search(Handle):
    """Made by dnn.search(trials=60, folder="search").

        search.log_uniform("lr", 1e-5, 1)
        search.log_integer("width", 8, 512)
        for trial in search:
            … a network of trial["width"], trained with trial["lr"] …
            trial.tell(1, loss)
        print(search.report())
    """

    _release = lib.dnn_search_release

    def __init__(self, address, ctx):
        super().__init__(address, ctx)
        self._parameters = {}

    def uniform(self, name, low, high):
        """A number from low to high."""
        lib.dnn_search_uniform(self, name.encode(), low, high)
        self._parameters[name] = float

    def log_uniform(self, name, low, high):
        """A number from low to high, all orders of magnitude equally likely."""
        lib.dnn_search_log_uniform(self, name.encode(), low, high)
        self._parameters[name] = float

    def integer(self, name, low, high):
        """A whole number from low to high."""
        lib.dnn_search_integer(self, name.encode(), low, high)
        self._parameters[name] = int

    def log_integer(self, name, low, high):
        """The same, on the logarithmic scale: widths, batch sizes."""
        lib.dnn_search_log_integer(self, name.encode(), low, high)
        self._parameters[name] = int

    def choice(self, name, choices):
        """One of several objects; the library knows them by their str()."""
        choices = list(choices)
        texts = [str(choice).encode() for choice in choices]
        lib.dnn_search_choice(self, name.encode(), (ctypes.c_char_p * len(texts))(*texts), len(texts))
        self._parameters[name] = choices

    def _value(self, number, name):
        value = lib.dnn_search_value(self, number, name.encode())
        if value != value:
            raise failure()
        kind = self._parameters[name]
        return kind[int(value)] if isinstance(kind, list) else kind(value)

    def next(self):
        """The next trial to run; None: there is none."""
        number = ctypes.c_int64()
        status = lib.dnn_search_next(self, ctypes.byref(number))
        return None if status == abi.dnn_status.DNN_END else Trial(self, number.value)

    def __iter__(self):
        return iter(self.next, None)

    def __getitem__(self, number):
        """A trial by its number, begun or not."""
        return Trial(self, number)

    @property
    def trials(self):
        """Those that have begun, in all processes."""
        count = lib.dnn_search_trials(self)
        if count < 0:
            raise failure()
        return [trial for trial in map(self.__getitem__, range(count)) if trial.state != "none"]

    @property
    def best(self):
        """The trial whose last value is the best."""
        number = ctypes.c_int64()
        lib.dnn_search_best(self, ctypes.byref(number))
        return Trial(self, number.value)

    def report(self):
        """The trials so far, which parameters matter, and whether the best lies at the border of a range."""
        return Report(created(lib.dnn_search_report, self), self.ctx)


def search(*, folder=None, method="random", ctx=None, **fields):
    """`method` is "random" or "grid"; the fields are those of dnn_search_desc in include/dnn/search.h: trials, points,
    seed, maximise, max_steps, min_steps, eta, promote."""
    ctx = ctx or default_context()
    folder = None if folder is None else os.fsdecode(folder)
    desc = describe(abi.dnn_search_desc, folder=folder, method=enum(abi.dnn_search_method, method), **fields)
    return Search(created(lib.dnn_search_create, ctx, ctypes.byref(desc)), ctx)
