#!/usr/bin/env python3
"""The lints can fail: each rule is broken once, in a tree or a library made for that, and must say so."""
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CLEAN = "/* abort() in a comment, and */\nconst char *text = \"exit(1)\";\nvoid f(void) { a->free(p); x.malloc(1); }\n"

# (file, its text, what the lint must say; None: nothing). A header that an include names exists in every tree.
SOURCES = [
    ("src/core/a.c", CLEAN, None),
    ("src/core/a.c", "void f(void) { abort(); }\n", "abort() must not be called"),
    ("lib/gemm/a.c", "void f(void) { assert (1); }\n", "assert() must not be called"),
    ("src/core/a.c", "void f(void) { fputs(\"\", stderr); }\n", "stderr is the host's"),
    ("src/core/a.c", "void f(void) { free(0); }\n", "free(): memory comes from"),
    ("src/core/memory.c", "void f(void) { free(0); }\n", None),
    ("src/core/a.c", "int a; /*" + " " * 120 + "*/\n", "columns"),
    ("src/core/a.c", "\tint a;\n", "a tab"),
    ("src/core/a.c", "/* TO" + "DO */\n", "finish it"),
    ("src/core/a.c", "int a;\n" * 501, "501 lines"),
    ("lib/gemm/a.c", "#include \"core/core.h\"\n", "floor 1 includes src/core/core.h"),
    ("lib/gemm/a.c", "#include <dnn/base.h>\n", "lib/ knows no handle"),
    ("src/core/a.c", "#include \"graph/graph.h\"\n", "floor 2 includes src/graph/graph.h"),
    ("src/graph/a.c", "#include \"core/core.h\"\n#include <dnn/base.h>\n", None),
    ("src/data/a.c", "#include \"graph/graph.h\"\n", "rooms include each other"),
    ("src/attic/a.c", "#include \"core/core.h\"\n", "src/attic is not a room"),
    ("include/dnn/a.h", "#include \"../../src/core/core.h\"\n", "a public header includes"),
]
HEADERS = {
    "src/core/core.h": "",
    "src/data/data.h": "",
    "src/graph/graph.h": "#include \"data/data.h\"\n",
    "include/dnn/base.h": "",
}

# (files that differ from those below, None: left out; what the lint of the guide must say; None: nothing)
PROGRAM = "int main(void) {\n    first();\n\n    second();\n    third();\n}\n"
GUIDE = {"docs/guide/README.md": "[a](a.md)\n", "docs/guide/a.md": "text\n", "examples/guide/a.c": PROGRAM}
PAGES = [
    ({}, None),
    ({"docs/guide/a.md": "```c\nfirst();\nsecond();\n```\n"}, None),
    ({"docs/guide/a.md": "```c\nfirst();\n…\nthird();\n```\n```text\nanything\n```\n"}, None),
    ({"docs/guide/a.md": "```c\nfirst();\nthird();\n```\n"}, "a.md:1: not in the program as it stands here"),
    ({"docs/guide/a.md": "```c\nthird();\n/* … */\nfirst();\n```\n"}, "from 'first();' on"),
    ({"docs/guide/a.md": "```c\n…\n```\n"}, "the block is empty"),
    ({"docs/guide/a.md": "\n```c\nfirst();\n"}, "a.md:2: the block is not closed"),
    ({"docs/guide/a.md": "```\nfirst();\n```\n"}, "a block of ''"),
    ({"docs/guide/a.md": "\n[b](b.md) [web](https://b.c/d) [a](#part)\n"}, "a.md:2: b.md does not exist"),
    ({"docs/guide/README.md": "[a](a.md) [b](b.md)\n"}, "README.md:1: b.md does not exist"),
    ({"docs/guide/README.md": "a\n"}, "no link to a.md"),
    ({"examples/guide/a.c": None}, "no program examples/guide/a.c"),
    ({"examples/guide/b.c": PROGRAM}, "no page docs/guide/b.md"),
]

# (code of a library, arguments, what the lint must say; None: nothing)
LIBRARIES = [
    ("int f(void) { return 1; }", ["1500000"], None),
    ("#include <stdlib.h>\nvoid f(void) { abort(); }", ["1500000"], "imports abort"),
    ("#include <stdio.h>\nvoid f(int i) { printf(\"%d\", i); }", ["1500000"], "imports printf"),
    ("int f(void) { return 1; }", ["1000"], "bytes when stripped"),
]


def write(root, path, text):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")


def verdict(command, expected):
    run = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    good = run.returncode == 0 if expected is None else run.returncode == 1 and expected in run.stdout
    return None if good else f"expected {expected!r}, got {run.returncode}: {run.stdout}{run.stderr}"


def source_case(path, text, expected):
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {**HEADERS, path: text}.items():
            write(Path(folder), name, content)
        return verdict([HERE / "sources.py", folder], expected)


def guide_case(changes, expected):
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {**GUIDE, **changes}.items():
            if content is not None:
                write(Path(folder), name, content)
        return verdict([HERE / "guide.py", folder], expected)


def library_case(code, arguments, expected):
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), "a.c", code)
        subprocess.run(["cc", "-shared", "-fPIC", "-O0", "a.c", "-o", "liba.so"], cwd=folder, check=True)
        return verdict([HERE / "imports.py", Path(folder) / "liba.so", *arguments], expected)


def main():
    failures = [source_case(*case) for case in SOURCES] + [library_case(*case) for case in LIBRARIES]
    failures += [guide_case(*case) for case in PAGES]
    print("\n".join([f for f in failures if f] + [f"{len(failures)} cases"]))
    return 1 if any(failures) else 0


if __name__ == "__main__":
    sys.exit(main())
