#!/usr/bin/env python3
"""The guide says what its programs do: every fenced block of C in docs/guide/NAME.md stands in examples/guide/NAME.c.

    guide.py [ROOT]

Indentation and empty lines do not count. A line of a block that is nothing but … (or /* … */) stands for lines left out; the
pieces around it come in the program's order. Every page has a program, every program a page, every page a link from the
guide's README, and what a page links to exists.
"""
import re
import sys
from pathlib import Path

LEFT_OUT = {"…", "/* … */", "// …"}
LANGUAGES = {"c", "text", "sh", "python", "json"}
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(.*)$")


def squeezed(lines):
    return [line.strip() for line in lines if line.strip()]


def blocks(text):
    """(line, language, lines) of each fenced block; language None where the last one is left open."""
    found, start, language, lines = [], 0, "", []
    for number, line in enumerate(text.split("\n"), 1):
        fence = FENCE.match(line.strip())
        if fence and not start:
            start, language, lines = number, fence.group(1).strip(), []
        elif fence:
            found.append((start, language, lines))
            start = 0
        elif start:
            lines.append(line)
    return found + ([(start, None, lines)] if start else [])


def pieces(lines):
    """The runs of lines between those that stand for something left out."""
    runs = [[]]
    for line in squeezed(lines):
        if line in LEFT_OUT:
            runs.append([])
        else:
            runs[-1].append(line)
    return [run for run in runs if run]


def missing(block, program):
    """The first line of the first piece that the program does not have, behind those before it; None: all are there."""
    begin = 0
    for piece in pieces(block):
        last = len(program) - len(piece) + 1
        place = next((i for i in range(begin, last) if program[i:i + len(piece)] == piece), None)
        if place is None:
            return piece[0]
        begin = place + len(piece)
    return None


def check_block(start, language, lines, program):
    if language is None:
        return [(start, "the block is not closed")]
    if language not in LANGUAGES:
        return [(start, f"a block of '{language}': name one of {', '.join(sorted(LANGUAGES))}")]
    if language != "c" or program is None:
        return []
    if not pieces(lines):
        return [(start, "the block is empty")]
    line = missing(lines, program)
    return [] if line is None else [(start, f"not in the program as it stands here, from '{line}' on")]


def check_links(folder, text):
    found = []
    for match in LINK.finditer(text):
        target = match.group(1).split("#")[0]
        if target and "://" not in target and not (folder / target).exists():
            found.append((text.count("\n", 0, match.start()) + 1, f"{target} does not exist"))
    return found


def check_page(page, source):
    text = page.read_text(encoding="utf-8")
    program = squeezed(source.read_text(encoding="utf-8").split("\n")) if source and source.is_file() else None
    found = check_links(page.parent, text)
    for start, language, lines in blocks(text):
        found += check_block(start, language, lines, program)
    return sorted(found)


def check_pairs(root, pages, programs):
    """Pages without a program, programs without a page, and pages that the README does not lead to."""
    readme = root / "docs/guide/README.md"
    linked = {Path(m.group(1).split("#")[0]).name for m in LINK.finditer(readme.read_text(encoding="utf-8"))}
    found = [f"docs/guide/{name}.md: no program examples/guide/{name}.c" for name in sorted(pages - programs)]
    found += [f"examples/guide/{name}.c: no page docs/guide/{name}.md" for name in sorted(programs - pages)]
    return found + [f"docs/guide/README.md: no link to {name}.md" for name in sorted(pages) if f"{name}.md" not in linked]


def main(root):
    guide, examples = root / "docs/guide", root / "examples/guide"
    pages = {page.stem: page for page in guide.glob("*.md") if page.stem != "README"}
    programs = {source.stem: source for source in examples.glob("*.c")}
    problems = check_pairs(root, set(pages), set(programs))
    for name, page in sorted([*pages.items(), ("README", guide / "README.md")]):
        where = page.relative_to(root)
        problems += [f"{where}:{line}: {message}" for line, message in check_page(page, programs.get(name))]
    print("\n".join(problems + [f"{len(pages)} pages, {len(problems)} problems"]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
