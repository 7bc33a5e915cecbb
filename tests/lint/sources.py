#!/usr/bin/env python3
"""Rules for the library's sources that a compiler does not check. CONTRIBUTING.md says what each protects.

    sources.py [ROOT]
"""
import os
import re
import sys
from pathlib import Path

# A library that lives in another program's process must not end it, talk on its terminal, or change its environment,
# locale, signals or floating-point mode; and some functions of the C library are unsafe anywhere.
FORBIDDEN_CALLS = """
    abort exit _exit _Exit quick_exit atexit kill raise system assert
    printf vprintf fprintf vfprintf puts putchar perror
    setenv putenv unsetenv clearenv setlocale uselocale
    signal sigaction sigprocmask pthread_sigmask longjmp siglongjmp
    fesetround fesetenv feupdateenv feenableexcept fedisableexcept _mm_setcsr _MM_SET_FLUSH_ZERO_MODE
    rand srand random srandom drand48 strtok gets sprintf vsprintf strcpy strcat alloca atoi atof
""".split()
FORBIDDEN_NAMES = "stdout stderr stdin".split()

# Memory comes from the context's allocator. Two files stand below it: the default allocator, and the last error.
RAW_MEMORY = """
    malloc calloc realloc reallocarray free aligned_alloc posix_memalign memalign valloc strdup strndup mmap
""".split()
RAW_MEMORY_FILES = {"src/core/memory.c", "src/core/error.c"}

# libjpeg's function for errors must not return: the jump ends in the same file, and is nobody else's.
JUMPING_FILES = {"src/io/jpeg_job.c"}

# The floors: an include goes down or stays in its room. Public headers may be included in src, not in lib.
FLOORS = {
    "src/core": 2,
    "src/data": 3, "src/transform": 3, "src/graph": 3, "src/loss": 3,
    "src/layers": 4, "src/optim": 4, "src/inspect": 4, "src/io": 4, "src/report": 4,
    "src/record": 5, "src/check": 5, "src/audit": 5, "src/look": 5, "src/metrics": 5, "src/monitor": 5,
    "src/clone": 5, "src/paper": 5, "src/see": 5,
    "src/preflight": 6, "src/tune": 6, "src/search": 6,
}
MAX_WIDTH = 120
MAX_LINES = 500
LEFT_OPEN = re.compile(r"\b(todo|fixme|xxx|hack|stub|placeholder|not (yet )?implemented|for now)\b", re.I)


def call_of(names):
    return re.compile(r"(?<![\w.>])(" + "|".join(map(re.escape, names)) + r")\s*\(")


CALLS = call_of(FORBIDDEN_CALLS)
MEMORY = call_of(RAW_MEMORY)
NAMES = re.compile(r"(?<![\w.>])(" + "|".join(FORBIDDEN_NAMES) + r")\b")
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]', re.M)


def code_only(text):
    """The text with comments and literals blanked, line by line as it was."""
    token = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return token.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def room(path):
    """The folder that a file belongs to, as FLOORS has it; every folder of lib/ is a room of floor 1."""
    return "/".join(path.split("/")[:2]) if path.startswith(("src/", "lib/")) else None


def floor(name):
    return 1 if name.startswith("lib/") else FLOORS.get(name)


def matches(text, pattern, message):
    return [(text.count("\n", 0, m.start()) + 1, message.format(m.group(1))) for m in pattern.finditer(text)]


def check_calls(path, text):
    code = code_only(text)
    calls = matches(code, CALLS, "{}() must not be called in a library")
    if path in JUMPING_FILES:
        calls = [call for call in calls if not call[1].startswith("longjmp()")]
    found = calls + matches(code, NAMES, "{} is the host's")
    if path not in RAW_MEMORY_FILES:
        found += matches(code, MEMORY, "{}(): memory comes from the context's allocator")
    return found


def check_text(_path, text):
    lines = list(enumerate(text.split("\n"), 1))
    found = [(n, f"{len(line)} columns, more than {MAX_WIDTH}") for n, line in lines if len(line) > MAX_WIDTH]
    found += [(n, "a tab") for n, line in lines if "\t" in line]
    found += [(n, "trailing space") for n, line in lines if line.endswith((" ", "\r"))]
    found += [(n, f"'{m.group()}': finish it or leave it out") for n, line in lines if (m := LEFT_OPEN.search(line))]
    if len(lines) - 1 > MAX_LINES:
        found.append((MAX_LINES + 1, f"{len(lines) - 1} lines, more than {MAX_LINES}"))
    return found


def included(root, path, name):
    """The path in the repository of an include, or None for a header of the system."""
    for base in (str(Path(path).parent), "lib", "src", "include"):
        if (root / base / name).is_file():
            return os.path.normpath(f"{base}/{name}")
    return None


def check_includes(root, path, text, edges):
    found = []
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        target = included(root, path, match.group(1))
        here, there = room(path), target and room(target)
        if target is None or here is None:
            if here is None and there is not None:
                found.append((line, f"a public header includes {target}"))
            continue
        if there is None:
            if here.startswith("lib/"):
                found.append((line, f"lib/ knows no handle, and includes no public header ({target})"))
            continue
        if floor(there) is None or floor(here) is None:
            found.append((line, f"{there if floor(there) is None else here} is not a room on any floor"))
        elif floor(there) > floor(here):
            found.append((line, f"floor {floor(here)} includes {target}, of floor {floor(there)}"))
        elif here != there:
            edges.setdefault(here, {}).setdefault(there, f"{path}:{line}")
    return found


def cycles(edges):
    """Rooms of one floor that include each other in a circle."""
    found = []

    def walk(name, trail):
        if name in trail:
            circle = trail[trail.index(name):]
            if circle[0] == min(circle):
                found.append(" -> ".join(circle + [name]) + f" ({edges[circle[-1]][name]})")
            return
        for there in sorted(edges.get(name, {})):
            walk(there, trail + [name])

    for name in sorted(edges):
        walk(name, [])
    return sorted(set(found))


def main(root):
    every = (p for folder in ("lib", "src", "include") for p in (root / folder).rglob("*"))
    files = sorted(p for p in every if p.suffix in (".c", ".h", ".hpp"))
    problems, edges = [], {}
    for file in files:
        path, text = str(file.relative_to(root)), file.read_text(encoding="utf-8")
        found = check_calls(path, text) + check_text(path, text) + check_includes(root, path, text, edges)
        problems += [f"{path}:{line}: {message}" for line, message in sorted(found)]
    problems += [f"rooms include each other: {circle}" for circle in cycles(edges)]
    print("\n".join(problems + [f"{len(files)} files, {len(problems)} problems"]))
    return 1 if problems or not files else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
