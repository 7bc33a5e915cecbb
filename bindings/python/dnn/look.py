"""Looking at data: what is in a dataset, and what the model really gets.

    print(dnn.summarise(train))              inputs and targets, channel by channel; the classes
    print(dnn.look(loader))                  the next batch, behind the whole pipeline, and what is wrong with it
    dnn.sheet_of(train, "by_class")          samples as a picture
    dnn.sheet_of_draws(augmented)            the original beside what augmentation draws
    print(dnn.probe(net, (32, 28, 28, 1)))   does the module treat the axes of its inputs as what they are?
"""
import ctypes
import json as _json

from . import _abi as abi
from ._handle import Handle, created
from ._library import lib
from ._progress import progress as progress_struct
from ._structs import Spec, asked, describe, enum, record
from .context import default_context
from .module import as_module, c_array
from .report import Report
from .tensors import Tensor, dims_array


class Summary(Handle):
    """A dataset in figures. str() is the whole for people."""

    _release = lib.dnn_summary_release

    def __str__(self):
        return lib.dnn_summary_text(self).decode()

    def __len__(self):
        """The samples that were looked at."""
        return lib.dnn_summary_samples(self)

    def values(self, part="input", channel=None):
        """The figures of one channel of "input" or "target", or of all: .count, .nans, .infinities, .min, .max, .mean,
        .std, .q01 … .median … .q99, .constant, .whole."""
        number = -1 if channel is None else channel
        return record(asked(abi.dnn_values, lib.dnn_summary_values, self, enum(abi.dnn_part, part), number))

    def channels(self, part="input"):
        return lib.dnn_summary_channels(self, enum(abi.dnn_part, part))

    def constant(self, part="input"):
        """The flat indices of the elements of a sample that never change."""
        part = enum(abi.dnn_part, part)
        n = lib.dnn_summary_constant(self, part, None, 0)
        found = (ctypes.c_int64 * n)()
        lib.dnn_summary_constant(self, part, found, n)
        return list(found)

    @property
    def classes(self):
        """How classes are spread: .classes (0: targets are none), .empty, .outside, .least, .most, .imbalanced …"""
        return record(asked(abi.dnn_classes, lib.dnn_summary_classes, self))

    @property
    def class_counts(self):
        return [lib.dnn_summary_class_count(self, k) for k in range(self.classes.classes)]

    def json(self):
        """The whole as Python objects."""
        return _json.loads(lib.dnn_summary_json(self).decode())

    def histogram(self, part="input", channel=None, *, width=None, height=None, title=None):
        """A picture of the values of one channel, or of all."""
        desc = describe(abi.dnn_plot_desc, width=width, height=height, title=title)
        return Tensor(created(lib.dnn_summary_histogram, self, enum(abi.dnn_part, part),
                              -1 if channel is None else channel, ctypes.byref(desc)), self.ctx)

    def bars(self, *, width=None, title=None):
        """A picture of the classes."""
        desc = describe(abi.dnn_plot_desc, width=width, title=title)
        return Tensor(created(lib.dnn_summary_bars, self, ctypes.byref(desc)), self.ctx)

    def _append_to(self, report):
        lib.dnn_report_add_summary(report, self)


def summarise(dataset, *, name=None, most=None, progress=None):
    """Reads a dataset once and adds it up. most: no more samples than this, spread evenly. progress: a function of
    (what, done, total)."""
    desc = describe(abi.dnn_summary_desc, name=name, most=most)
    desc.progress = progress_struct(progress)
    return Summary(created(lib.dnn_summarise, dataset, ctypes.byref(desc)), dataset.ctx)


def look(loader, *, name=None, low=None, high=None, most=None):
    """The batch that the loader gives next, exactly as the model gets it, and what is wrong with it: a Report. The
    loader stays where it is; what it had lent is taken back. low, high: between which the model wants its inputs
    (default: what the dataset declares). most: pictures on the sheet."""
    desc = describe(abi.dnn_look_desc, name=name, low=low, high=high, most=most)
    loader._end_lease()
    return Report(created(lib.dnn_look, loader, ctypes.byref(desc)), loader.ctx)


def sheet_of(dataset, order=None, *, count=None, scores=None, smallest_first=None, indices=None, seed=None, title=None,
             columns=None, zoom=None):
    """Samples of a dataset as a picture: "random" (the default), "by_class", "by_score" (which `scores` of all samples
    asks for), or those of `indices`."""
    if order is None:
        order = "by_score" if scores is not None else "as_given" if indices is not None else None
    desc = describe(abi.dnn_samples_desc, order=enum(abi.dnn_sheet_order, order), count=count, seed=seed, title=title,
                    smallest_first=smallest_first, columns=columns, zoom=zoom)
    if scores is not None:
        if len(scores) != len(dataset):
            raise ValueError(f"{len(scores)} scores for {len(dataset)} samples")
        desc.scores = (ctypes.c_double * len(scores))(*[float(s) for s in scores])
    if indices is not None:
        desc.indices, desc.n_indices = dims_array(list(indices)), len(indices)
    return Tensor(created(lib.dnn_sheet_samples, dataset, ctypes.byref(desc)), dataset.ctx)


def sheet_of_draws(dataset, *, indices=None, rows=None, draws=None, seed=None, title=None, zoom=None):
    """What augmentation does: each sample as its source holds it, and beside it `draws` (7) epochs of it, with what was
    drawn below."""
    desc = describe(abi.dnn_draws_desc, rows=rows, draws=draws, seed=seed, title=title, zoom=zoom)
    if indices is not None:
        desc.indices, desc.n_indices = dims_array(list(indices)), len(indices)
    return Tensor(created(lib.dnn_sheet_draws, dataset, ctypes.byref(desc)), dataset.ctx)


def probe(module, *inputs, batch=None, seed=None):
    """Runs a module on sizes that are primes: does it treat the axes of its inputs as what they are, and the samples of
    a batch apart? inputs: shapes, or dnn.Spec, with the batch in front. A Report; the module is left as it was."""
    module = as_module(module, default_context())
    specs = [i if isinstance(i, Spec) else Spec(i) for i in inputs]
    shapes = (abi.dnn_array * len(specs))(*[c_array(spec) for spec in specs])
    desc = describe(abi.dnn_probe_desc, batch=batch, seed=seed)
    return Report(created(lib.dnn_probe, module, shapes, len(specs), ctypes.byref(desc)), module.ctx)
