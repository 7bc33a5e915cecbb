"""Reports: what was found, how it is known, and what to do about it. dnn.look(), dnn.audit(), dnn.probe() … make them.

    report = dnn.look(loader)
    print(report)                                  the whole, for people
    if report.worst == "error": …
    report.find("scaled-twice").action
    report.write_html("page.html")                 with pictures, needs nothing else

In a notebook a report shows itself.
"""
import ctypes
import html
import json
import os
import tempfile

from . import _abi as abi
from . import errors
from ._handle import Handle, created
from ._library import io as _io
from ._library import lib
from ._structs import asked, describe, enum, record
from .context import default_context
from .tensors import Tensor, as_tensor


class Report(Handle):
    """Findings, figures, sections of text and pictures. str() is the whole for people. Report("title") is an empty one,
    for findings of your own."""

    _release = lib.dnn_report_release

    def __init__(self, title, ctx=None):
        """An empty report; in the package: (address, ctx) of one that a function made."""
        if isinstance(title, int):
            super().__init__(title, ctx)
        else:
            ctx = ctx or default_context()
            super().__init__(created(lib.dnn_report_create, ctx, title.encode()), ctx)

    # ---- questions

    def __str__(self):
        return lib.dnn_report_text(self).decode()

    def __repr__(self):
        return f"<dnn.Report {self.title!r}: {len(self.findings)} findings, worst: {self.worst}>"

    def _repr_html_(self):
        """The page, for notebooks, as they show it: in a frame of its own, so that its style stays there."""
        page = html.escape(self.html(), quote=True)
        return f'<iframe srcdoc="{page}" style="width:100%;height:40em;border:0" sandbox></iframe>'

    @property
    def title(self):
        return lib.dnn_report_title(self).decode()

    @property
    def worst(self):
        """"none", "note", "warning" or "error"."""
        return lib.dnn_severity_name(lib.dnn_report_worst(self)).decode()

    @property
    def findings(self):
        """The worst first: .severity, .name, .what, .how, .action, .set, .samples (a list), .picture (None: none)."""
        return [self._finding(lib.dnn_report_finding, i) for i in range(lib.dnn_report_findings(self))]

    def find(self, name):
        """The worst finding of that name; None if there is none."""
        try:
            return self._finding(lib.dnn_report_find, name.encode())
        except errors.NotFoundError:
            return None

    def _finding(self, function, key):
        struct = asked(abi.dnn_finding, function, self, key)
        made = record(struct)
        made.severity = lib.dnn_severity_name(struct.severity).decode()
        made.samples = struct.samples[:struct.n_samples] if struct.n_samples else []
        made.picture = struct.picture if struct.picture >= 0 else None
        del made.n_samples
        return made

    @property
    def figures(self):
        """{name: value} of what was measured."""
        each = (asked(abi.dnn_figure, lib.dnn_report_figure, self, i) for i in range(lib.dnn_report_figures(self)))
        return {f.name.decode(): f.value for f in each}

    @property
    def sections(self):
        """Tables and remarks: .title, .text, .data (what .json held)."""
        made = [record(asked(abi.dnn_section, lib.dnn_report_section, self, i))
                for i in range(lib.dnn_report_sections(self))]
        for section in made:
            section.data = json.loads(section.json)
        return made

    @property
    def pictures(self):
        """Pairs (title, NumPy array of bytes (H, W, C))."""
        each = [asked(abi.dnn_picture, lib.dnn_report_picture, self, i) for i in range(lib.dnn_report_pictures(self))]
        return [(p.title.decode(), Tensor._lent(p.image, self.ctx).copy()) for p in each]

    def json(self):
        """The whole as Python objects."""
        return json.loads(lib.dnn_report_json(self).decode())

    def write_html(self, path, title=None):
        """Writes the report as one HTML page: no server, no script, pictures inline."""
        _io().dnn_report_write_html(self.ctx, os.fsencode(path), self, title.encode() if title else None)

    def html(self):
        """That page as text."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "report.html")
            self.write_html(path)
            with open(path, encoding="utf-8") as file:
                return file.read()

    # ---- adding

    def add(self, severity, name, what, *, how="", action="", set="", samples=(), picture=None):
        """Adds a finding. picture: the number of one that was added."""
        finding = describe(abi.dnn_finding, severity=enum(abi.dnn_severity, severity), name=name, what=what, how=how,
                           action=action, set=set, picture=-1 if picture is None else picture)
        samples = list(samples)
        finding.samples, finding.n_samples = (ctypes.c_int64 * len(samples))(*samples), len(samples)
        lib.dnn_report_add_finding(self, ctypes.byref(finding))

    def add_figure(self, name, value, note=""):
        lib.dnn_report_add_figure(self, name.encode(), value, note.encode())

    def add_section(self, title, text, data=None):
        """data: anything that JSON can hold."""
        lib.dnn_report_add_section(self, title.encode(), text.encode(), json.dumps(data).encode())

    def add_picture(self, title, image):
        """Adds a picture, uint8 (H, W, 3) or (H, W, 1); returns its number."""
        lib.dnn_report_add_picture(self, title.encode(), as_tensor(image, self.ctx))
        return lib.dnn_report_pictures(self) - 1

    def append(self, other):
        """Adds all that another report, or a summary of data, holds."""
        other._append_to(self)

    def _append_to(self, report):
        lib.dnn_report_append(report, self)
