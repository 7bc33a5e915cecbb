#!/usr/bin/env python3
"""The tables and counts of docs/practice.md, which are made of the programs in tests/mistakes.

    table.py            fails if the page says otherwise
    table.py --write    writes them
"""
import re
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent.parent / "docs" / "practice.md"
TEXT = r'"((?:[^"\\]|\\.)*)"'
MISTAKE = re.compile(r"\{" + TEXT + r",\s+(?:NULL|" + TEXT + r"),\s+" + TEXT + r",\s+(?:NULL|" + TEXT + r"),\s+(\w+)\}")
HEALTHY = re.compile(r"\{" + TEXT + r",\s+" + TEXT + r",\s+(\w+)\}")
ROOMS = {"data": "Data", "shape": "Shapes and numbers", "model": "Network and loss", "learning": "Learning, tried beforehand", "run": "Training",
         "resume": "Going on", "tune": "Rates and trials"}


def rows_of(path, name, pattern):
    """What is between `name[] = {` and `};`; a row that is written otherwise must not be lost."""
    text = path.read_text(encoding="utf-8")
    begin = text.index(f"{name}[] = {{")
    table = text[begin:text.index("};", begin)]
    rows = pattern.findall(table)
    if len(rows) != table.count('\n    {'):
        sys.exit(f"{path.name}: {table.count(chr(10) + '    {')} rows, of which {len(rows)} are understood")
    return rows


def mistakes():
    """(room, [(mistake, finding or "", by or why)]) for each file, in ROOMS' order."""
    for key, title in ROOMS.items():
        path = FOLDER / f"mistakes_{key}_test.c"
        if path.exists():
            rows = rows_of(path, "mistakes", MISTAKE)
            yield title, [(name, finding, by) for name, finding, by, _, _ in rows]


def healthy():
    for path in sorted(FOLDER.glob("healthy_*test.c")):
        yield from ((name, what) for name, what, _ in rows_of(path, "programs", HEALTHY))


def lines():
    found = missed = 0
    yield "| mistake | finding | who finds it |"
    yield "| --- | --- | --- |"
    for title, rows in mistakes():
        yield f"| **{title}** | | |"
        for name, finding, by in rows:
            found, missed = found + bool(finding), missed + (not finding)
            yield f"| {name} | `{finding}` | `{by}` |" if finding else f"| {name} | not found | {by} |"
    good = list(healthy())
    if good:
        yield ""
        yield "| healthy program | trained with |"
        yield "| --- | --- |"
        yield from (f"| {name} | {what} |" for name, what in good)
    yield ""
    yield f"**{found} of {found + missed} mistakes are found and named; of {len(good)} healthy programs none is accused.**"


def main(write):
    begin, end = "<!-- made by tests/mistakes/table.py -->\n", "<!-- end -->\n"
    page = PAGE.read_text(encoding="utf-8")
    head, rest = page.split(begin)
    old, tail = rest.split(end)
    new = "\n" + "\n".join(lines()) + "\n\n"
    if write:
        PAGE.write_text(head + begin + new + end + tail, encoding="utf-8")
    elif old != new:
        print("docs/practice.md is not what the programs are: python3 tests/mistakes/table.py --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main("--write" in sys.argv))
