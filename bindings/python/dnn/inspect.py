"""Pictures to look at: sheets of images and filters, plots, histograms. Each is a uint8 tensor (H, W, 3), which
dnn.io.write_png() writes to a file. Colours are 0xRRGGBB. Text is ASCII and a few signs more."""
import ctypes

from . import _abi as abi
from ._handle import created
from ._library import lib
from ._structs import describe, enum
from .context import default_context
from .tensors import Tensor, as_tensor


def _owner(values, ctx):
    return ctx or (values.ctx if isinstance(values, Tensor) else default_context())


def _sheet(function, images, ctx, palette, frames, settings):
    ctx = _owner(images, ctx)
    if frames is not None:
        frames = [abi.DNN_NO_FRAME if frame is None else frame for frame in frames]
    desc = describe(abi.dnn_sheet_desc, palette=enum(abi.dnn_palette, palette), frames=frames, **settings)
    return Tensor(created(function, ctx, as_tensor(images, ctx), ctypes.byref(desc)), ctx)


def sheet(batch, *, title=None, captions=None, frames=None, columns=None, zoom=None, low=None, high=None,
          per_image=None, palette=None, ctx=None):
    """A sheet of the images of a batch (N, H, W, C). captions: a text, or None, for each image. frames: a colour, or
    None, for each. low, high: the values at the ends of the palette ("grey", "diverging"). per_image: each image has a
    range of its own."""
    settings = dict(title=title, captions=captions, columns=columns, zoom=zoom, low=low, high=high, per_image=per_image)
    return _sheet(lib.dnn_sheet_create, batch, ctx, palette, frames, settings)


def filters(weight, *, title=None, captions=None, frames=None, columns=None, zoom=None, low=None, high=None,
            palette=None, alike=None, ctx=None):
    """A sheet of the filters of a convolution's weight (out, kh, kw, in). alike: one range for all of them."""
    settings = dict(title=title, captions=captions, columns=columns, zoom=zoom, low=low, high=high, alike=alike)
    return _sheet(lib.dnn_sheet_filters, weight, ctx, palette, frames, settings)


def _doubles(values):
    values = [float(v) for v in values]
    return (ctypes.c_double * len(values))(*values)


def _series(label, values):
    """One line: its y, or a pair (x, y)."""
    pair = isinstance(values, tuple) and len(values) == 2
    x, y = (_doubles(values[0]), _doubles(values[1])) if pair else (None, _doubles(values))
    if pair and len(x) != len(y):
        raise ValueError(f"{label}: {len(x)} values of x, {len(y)} of y")
    return abi.dnn_series(x=x, y=y, count=len(y), label=label.encode())


def _band(values):
    """A pair (low, high), or (x, low, high)."""
    x, low, high = values if len(values) == 3 else (None, *values)
    x, low, high = x if x is None else _doubles(x), _doubles(low), _doubles(high)
    if len(low) != len(high) or (x is not None and len(x) != len(low)):
        raise ValueError(f"a band of {len(low)} and {len(high)} numbers")
    return abi.dnn_band(x=x, low=low, high=high, count=len(low))


def plot(lines, *, width=None, height=None, title=None, x_label=None, y_label=None, x_range=None, y_range=None,
         y_log=None, x_log=None, smoothing=None, bands=None, ctx=None):
    """A plot of {label: y values, or a pair (x values, y values)} as lines. y_log, x_log: a logarithmic axis.
    smoothing: 0 to below 1, of a moving average, with the values pale behind it. bands: what is shaded behind them, a
    list of (low, high) or (x, low, high)."""
    ctx = ctx or default_context()
    series = (abi.dnn_series * len(lines))(*[_series(label, values) for label, values in lines.items()])
    desc = _plot_desc(width, height, title, x_label, y_label, x_range, y_range, y_log, x_log, smoothing,
                      bands=bands and [_band(band) for band in bands])
    return Tensor(created(lib.dnn_plot_lines, ctx, series, len(series), desc), ctx)


def plot_text(lines, *, width=None, height=None, title=None, x_label=None, y_label=None, x_range=None, y_range=None,
              y_log=None, x_log=None, smoothing=None, ascii=None, ctx=None):
    """The same as text for a terminal; width, height: in characters. ascii: without braille."""
    ctx = ctx or default_context()
    series = (abi.dnn_series * len(lines))(*[_series(label, values) for label, values in lines.items()])
    desc = _plot_desc(width, height, title, x_label, y_label, x_range, y_range, y_log, x_log, smoothing, ascii)
    length = lib.dnn_plot_text(ctx, series, len(series), desc, None, 0)
    text = ctypes.create_string_buffer(length + 1)
    lib.dnn_plot_text(ctx, series, len(series), desc, text, length + 1)
    return text.value.decode()


def heat(matrix, *, width=None, height=None, title=None, x_label=None, y_label=None, low=None, high=None, ctx=None):
    """A matrix (rows, columns) as a map of colours, row 0 on top: a confusion, activations over time."""
    ctx = _owner(matrix, ctx)
    desc = _plot_desc(width, height, title, x_label, y_label, None, (low, high), None)
    return Tensor(created(lib.dnn_plot_heat, ctx, as_tensor(matrix, ctx), desc), ctx)


def histogram(values, bins=0, *, width=None, height=None, title=None, x_label=None, y_label=None, x_range=None,
              y_range=None, y_log=None, ctx=None):
    """A histogram of all elements of a tensor or array, with its moments. bins=0: as many as the data ask for."""
    ctx = _owner(values, ctx)
    desc = _plot_desc(width, height, title, x_label, y_label, x_range, y_range, y_log)
    return Tensor(created(lib.dnn_plot_histogram, ctx, as_tensor(values, ctx), bins, desc), ctx)


def _plot_desc(width, height, title, x_label, y_label, x_range, y_range, y_log, x_log=None, smoothing=None,
               ascii=None, bands=None):
    (x_low, x_high), (y_low, y_high) = x_range or (None, None), y_range or (None, None)
    return ctypes.byref(describe(abi.dnn_plot_desc, width=width, height=height, title=title, x_label=x_label,
                                 y_label=y_label, x_low=x_low, x_high=x_high, y_low=y_low, y_high=y_high, y_log=y_log,
                                 x_log=x_log, smoothing=smoothing, ascii=ascii, bands=bands))
