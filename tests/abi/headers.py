#!/usr/bin/env python3
"""Each public header compiles alone, in every language version that a user may have, without a warning; and dnn.h
includes all of them but those of io.h, which belong to another library.

    headers.py INCLUDE_FOLDER
"""
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

WARNINGS = ["-Wall", "-Wextra", "-pedantic", "-Werror"]
C_COMPILERS, CXX_COMPILERS = ["gcc", "clang"], ["g++", "clang++"]
C_STANDARDS, CXX_STANDARDS = ["c99", "c11", "c17"], ["c++17"]


def cases(include):
    for header in sorted(include.glob("dnn/*.h")):
        yield from ((c, s, header, "c") for c in C_COMPILERS for s in C_STANDARDS)
    for header in sorted([*include.glob("dnn/*.h"), *include.glob("dnn/*.hpp")]):
        yield from ((c, s, header, "c++") for c in CXX_COMPILERS for s in CXX_STANDARDS)


def compile_alone(case, include):
    compiler, standard, header, language = case
    source = f'#include <dnn/{header.name}>\n#include <dnn/{header.name}>\nint main(void) {{ return 0; }}\n'
    command = [compiler, f"-std={standard}", *WARNINGS, f"-I{include}", "-fsyntax-only", "-x", language, "-"]
    run = subprocess.run(command, input=source, capture_output=True, text=True)
    return None if run.returncode == 0 else f"{compiler} -std={standard} {header.name}:\n{run.stderr}"


def left_out(include):
    text = (include / "dnn" / "dnn.h").read_text()
    names = [header.name for header in sorted(include.glob("dnn/*.h"))
             if header.name != "dnn.h" and not re.fullmatch(r"io(_\w+)?\.h", header.name)]
    return [f"dnn.h does not include {name}" for name in names if f'"{name}"' not in text]


def main(include):
    todo = [case for case in cases(include) if shutil.which(case[0])]
    with ThreadPoolExecutor() as pool:
        failures = [f for f in pool.map(lambda case: compile_alone(case, include), todo) if f]
    failures += left_out(include)
    compilers = sorted({case[0] for case in todo})
    print("\n".join(failures + [f"{len(todo)} compilations with {', '.join(compilers)}, {len(failures)} failed"]))
    return 1 if failures or not todo else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
