#!/usr/bin/env python3
"""The public symbols: what the headers declare (DNN_API), the map files list and the libraries export are one list.

    symbols.py --write                          writes cmake/dnn.map and cmake/dnn_io.map from the headers
    symbols.py --check dnn=FILE [dnn_io=FILE]   compares headers, maps and the shared libraries

The map is kept in the repository so that a symbol that comes or goes is seen in review.
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADERS = ROOT / "include" / "dnn"
IO_HEADERS = re.compile(r"io(_\w+)?\.h")  # what libdnn_io exports; every other header is libdnn's


def version_node():
    """DNN_0.1: the minor number is part of the SONAME, so each minor version has one node of its own."""
    text = (ROOT / "CMakeLists.txt").read_text()
    return "DNN_" + re.search(r"VERSION (\d+\.\d+)\.\d+", text).group(1)


def declared(header):
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", header.read_text(), flags=re.S)
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*$", "", text, flags=re.M)
    names = []
    for declaration in re.findall(r"\bDNN_API\b([^;{]*)[;{]", text):
        match = re.search(r"\b(dnn_\w+)\s*\(", declaration)
        if not match:
            sys.exit(f"{header.name}: no name found in 'DNN_API{declaration}'")
        names.append(match.group(1))
    return names


def symbols(library):
    headers = sorted(h for h in HEADERS.glob("*.h") if bool(IO_HEADERS.fullmatch(h.name)) == (library == "dnn_io"))
    return sorted({name for header in headers for name in declared(header)})


def map_file(library):
    return ROOT / "cmake" / f"{library}.map"


def map_text(library):
    names = "".join(f"    {name};\n" for name in symbols(library))
    return f"{version_node()} {{\n" + (f"  global:\n{names}" if names else "") + "  local:\n    *;\n};\n"


def exported(path):
    lines = subprocess.run(["nm", "-D", "--defined-only", path], check=True, capture_output=True, text=True).stdout
    entries = [line.split()[-2:] for line in lines.splitlines()]
    names = [name for kind, name in entries if kind != "A"]  # A: the version node itself
    return sorted(name.replace("@@", "@").split("@")[0] for name in names), {n.split("@")[-1] for n in names}


def difference(what, expected, found):
    lines = [f"{what}: {name} is missing" for name in expected if name not in found]
    return lines + [f"{what}: {name} is not declared in the headers" for name in found if name not in expected]


def check(library, path):
    wanted = symbols(library)
    problems = []
    if map_file(library).read_text() != map_text(library):
        listed = re.findall(r"^\s+(dnn_\w+);", map_file(library).read_text(), flags=re.M)
        problems += difference(map_file(library).name, wanted, listed) or [f"{map_file(library).name}: out of date"]
        problems.append(f"run python3 cmake/symbols.py --write, and say in CHANGELOG.md what came or went")
    names, nodes = exported(path)
    problems += difference(Path(path).name, wanted, names)
    problems += [f"{Path(path).name}: symbols of version {n}, not {version_node()}" for n in nodes - {version_node()}]
    print(f"{Path(path).name}: {len(names)} symbols exported, {len(wanted)} declared")
    return problems


def main(arguments):
    if arguments == ["--write"]:
        for library in ("dnn", "dnn_io"):
            map_file(library).write_text(map_text(library))
        return 0
    if len(arguments) < 2 or arguments[0] != "--check":
        sys.exit(__doc__)
    problems = [line for pair in arguments[1:] for line in check(*pair.split("=", 1))]
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
