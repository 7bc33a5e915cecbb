#!/usr/bin/env python3
"""What a shared library asks of its host, read from the binary.

    imports.py LIBRARY MAX_BYTES NEEDED...

Fails where it imports a function that a guest in another program must not call, needs a library that is not in NEEDED
(C library, libm, threads and the loader are always allowed), or is larger than MAX_BYTES when stripped.
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# Ends the process; writes to the terminal; changes the environment, the locale, signals or the floating-point mode.
FORBIDDEN = set("""
    abort exit _exit _Exit quick_exit atexit __assert_fail __assert __assert_perror_fail kill raise system
    printf vprintf puts putchar perror __printf_chk __vprintf_chk fprintf vfprintf __fprintf_chk __vfprintf_chk psignal
    stdout stderr stdin error warn warnx err errx syslog
    setenv putenv unsetenv clearenv setlocale uselocale
    signal sigaction sigprocmask pthread_sigmask siglongjmp
    fesetround fesetenv feupdateenv feenableexcept fedisableexcept
    rand srand random srandom drand48 strtok gets
""".split())
ALWAYS = {"libc", "libm", "libpthread", "ld-linux-x86-64", "ld-linux-aarch64", "ld-linux-armhf"}


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def imports(library):
    lines = output("nm", "-D", "--undefined-only", library).splitlines()
    return sorted({line.split()[-1].split("@")[0] for line in lines})


def needed(library):
    return re.findall(r"\(NEEDED\).*\[(.*?)\.so[.\d]*\]", output("readelf", "-dW", library))


def stripped_size(library):
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "stripped"
        output("strip", "-o", str(copy), library)
        return copy.stat().st_size


def main(library, max_bytes, *allowed):
    problems = [f"imports {name}" for name in imports(library) if name in FORBIDDEN]
    problems += [f"needs {name}" for name in needed(library) if name not in ALWAYS | set(allowed)]
    size = stripped_size(library)
    if size > int(max_bytes):
        problems.append(f"is {size} bytes when stripped, more than {max_bytes}")
    print(f"{Path(library).name}: {size} bytes stripped, needs {', '.join(needed(library))}")
    print("\n".join(f"{Path(library).name} {problem}" for problem in problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
