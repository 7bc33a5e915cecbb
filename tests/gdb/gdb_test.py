#!/usr/bin/env python3
"""Drives gdb over a program that holds a handle of every kind, and reads what it prints.

    gdb_test.py ROOT PROGRAM debug|stripped

`debug`: the library was built with -g; `stripped`: it was not, and each handle is one line that says so. Ends with 77
(skipped) and a sentence where gdb cannot be had, or may not trace.
"""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

SKIPPED = 77
POINTER = r"0x[0-9a-f]+: "

# What is printed, as a pattern for the whole line.
EXPECTED = {
    "ctx": POINTER + r"libdnn \S+, .*, seed 7",
    "net": POINTER + r"sequential of 3 \(features, flat, fc\), 4 tensors of 91 numbers, training = \{features = "
                     r"sequential of 2, flat = flatten, no parameters, fc = linear, weight float32 \[3,16\], bias float32 "
                     r"\[3\] frozen\}",
    "conv": POINTER + r"features\.conv: conv2d, weight float32 \[4,3,3,1\], bias float32 \[4\], training = \{weight = "
                      r"float32 \[4,3,3,1\], min -0\.\d+, mean .*, bias = float32 \[4\], .*\}",
    "nothing": r"NULL",
    "x": POINTER + r"float32 \[6,4,4,1\], min 0, mean 48\.4787, max 95, 1 NaN, 1 infinite, first 0, nan, -inf, 3, 4, 5, …",
    "half": POINTER + r"bfloat16 \[6,4,4,1\], min 0, mean 48\.4787, max 95, 1 NaN, 1 infinite, first 0, nan, -inf, 3, .*",
    "large": POINTER + r"float64 \[1000000\], of the first 65,536 numbers: min 0, mean 0, max 0, first 0, .*",
    "target": POINTER + r"int64 \[6\], min 0, mean 0, max 0, first 0, 0, 0, 0, 0, 0",
    "net->children[2].module->parameters.items[0].gradient":
        POINTER + r"float32 \[3,16\], zeros \(cleared, not written since\)",
    "*x": POINTER + r"float32 \[6,4,4,1\], .*",
    "x->array": r"float32 \[6,4,4,1\], .*",
    "data": POINTER + r"20 samples, inputs float32 \[8,8,1\], targets int64 \[\], 10 classes",
    "loader": POINTER + r"batches of 4, shuffled, 5 an epoch; next: epoch 0, batch 0; 0 threads; of 20 samples, .*",
    "loss": POINTER + r"cross_entropy, mean",
    "opt": POINTER + r"adam of sequential of 3, 4 tensors, step 0, rate 0\.001, weight decay 0",
    "schedule": POINTER + r"cosine, rate 0\.1, warm-up 5 of 90 epochs",
    "predictor": POINTER + r"of sequential of 3 .*",
    "description": POINTER + r"\d+ steps, 91 parameters, .* FLOPs, an arena of [\d,]+ bytes",
    "metrics": POINTER + r"count 0, .*",
    "average": POINTER + r"exponential, decay 0\.999, 0 updates",
    "statistics": POINTER + r".*features 1.*",
    "summary": POINTER + r".*samples 20.*",
    "transform": POINTER + r"chain",
    "report": POINTER + r'"where numbers cease to be finite", 1 finding; error not-finite-input: input 0 .*',
    "archive": POINTER + r"0 tensors, 0 texts",
    "check_report": POINTER + r".+",
    "monitor": POINTER + r"step 1, loss nan, .*; the loss is NaN in step 1",
    "parts": r"parts of a checkpoint: module \(sequential of 3\), optimizer \(adam of .*\)",
}
ALWAYS = {  # whatever is known of the library
    "released": POINTER + r"a handle that was released \(it should be a tensor\)",
    "damaged": POINTER + r"no handle: damaged, or freed",
    "nowhere": POINTER + r"memory at 0x8 cannot be read",
    "mistaken": POINTER + r"a tensor, not a loss",
    "status": r"DNN_ERROR_SHAPE \(shapes do not fit together\)",
    "dtype": r"bfloat16",
    "(dnn_status)0": r"DNN_OK \(no error\)",
    "(dnn_status)77": r"77 \(no status of this library's\)",
    "(dnn_dtype)9": r"9 \(no dtype of this library's\)",
}
SHELL = {"broken": POINTER + r"(damaged: .*|memory at .* cannot be read|cannot be shown: .*)"}


def expected(mode):
    if mode == "debug":
        return {**EXPECTED, **ALWAYS, **SHELL}
    silent = POINTER + r"a [a-z ]+; libdnn was built without debug information \(-g\), which would say more"
    handles = {name for name in EXPECTED if re.fullmatch(r"[a-z_]+", name)} - {"nothing", "parts"}
    return {"nothing": r"NULL", **dict.fromkeys(handles, silent), **ALWAYS}


def script(root, expressions):
    lines = ["set confirm off", "set pagination off", "set width 0", f"source {root}/bindings/gdb/dnn_gdb.py",
             "break stop", "run"]
    for e in expressions:
        lines += [f"echo \\n=={e}\\n", f"print {e}"]
    return "\n".join([*lines, "kill", ""])


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def run_gdb(root, program, expressions):
    gdb = shutil.which("gdb")
    if not gdb:
        skip("gdb is not installed")
    if "yes" not in subprocess.run([gdb, "-batch", "-ex", "python print('yes')"], capture_output=True, text=True).stdout:
        skip("this gdb has no Python")
    commands = Path(f"{program}.gdb")
    commands.write_text(script(root, expressions))
    options = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0", "LC_ALL": "C.UTF-8"}
    run = subprocess.run([gdb, "-nx", "-batch", "-x", commands, program], capture_output=True, text=True, env=options)
    if "ptrace" in run.stderr and "not permitted" in run.stderr:
        skip("this machine does not let gdb trace a program")
    return run.stdout + run.stderr


def answers(output):
    """{expression: the line behind its "$1 = "}"""
    found = re.findall(r"\n==(.*)\n(?:\$\d+ = )?(.*)", output)
    return {e: line for e, line in found}


def check_tables(root):
    """The printers' tables are those of the headers."""
    printers = (root / "bindings/gdb/dnn_gdb.py").read_text()
    kinds = re.findall(r"DNNI_(\w+) = (0x\w+)", (root / "src/core/object.h").read_text())
    missing = [name for name, tag in kinds if name != "DEAD" and f'{tag}: "{name.lower()}"' not in printers]
    statuses = re.findall(r'X\((\w+), (\d+), +("[^"]*")\)', (root / "include/dnn/status.h").read_text())
    missing += [name for name, number, meaning in statuses if f'{number}: ("{name}", {meaning})' not in printers]
    return [f"bindings/gdb/dnn_gdb.py does not know {name}" for name in missing]


def main():
    root, program, mode = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    wrong, want = check_tables(root), expected(mode)
    output = run_gdb(root, program, want)
    got = answers(output)
    for expression, pattern in want.items():
        line = got.get(expression, "nothing")
        if not re.fullmatch(pattern, line):
            wrong.append(f"{expression}\n  is  {line}\n  not {pattern}")
    if "Traceback" in output or "Python Exception" in output:
        wrong.append("Python's own words:\n" + output)
    print("\n".join(wrong) or f"{len(want)} values, {mode}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
