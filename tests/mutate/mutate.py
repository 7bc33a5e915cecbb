#!/usr/bin/env python3
"""How many small faults in lib/ and src/layers do the tests find? One mutant at a time: a copy of the tree is changed in
one place (an operator, a comparison, a constant, a condition, a statement left out), built again, and tested until a test
fails. Mutants that no test kills are listed: each is a gap in the tests, or changes nothing that can be seen (a block
size, a threshold between two ways that give the same).

    mutate.py [--minutes N] [--seed S] [--only PATTERN] [--list] [--jobs N]

The sample is drawn at random from all mutants of the C files, by the seed. The copy and report.txt are in build/mutate.
"""
import argparse
import fnmatch
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "mutate"
TREE, BUILD = WORK / "tree", WORK / "build"
FOLDERS = ("lib", "src/layers")
TEST_SECONDS = 90  # a mutant that takes longer runs in circles: killed
MEMORY_BYTES = 4 << 30

# The tests that look at a file, quick ones first; those of all layers come behind.
TESTS = {
    "lib/act": "act_kernel_test layers_common_test",
    "lib/attention": "attention_kernel_test layers_sequence_test",
    "lib/base": "context_test gemm_test",
    "lib/conv": "layers_weights_test conv_kernel_test",
    "lib/embedding": "embedding_kernel_test",
    "lib/gemm": "gemm_test conv_kernel_test",
    "lib/loss": "loss_kernel_test loss_test",
    "lib/norm": "norm_kernel_test layers_norm_test",
    "lib/optim": "optim_kernel_test optimizer_test",
    "lib/pool": "pool_kernel_test layers_pool_test",
    "lib/reduce": "reduce_kernel_test layers_arithmetic_test",
    "lib/rng": "rng_kernel_test",
    "lib/rnn": "rnn_kernel_test layers_sequence_test",
    "lib/shape": "shape_kernel_test layers_shape_test",
    "lib/softmax": "softmax_kernel_test layers_common_test",
    "src/layers": "layers_common_test layers_arithmetic_test layers_norm_test layers_pool_test layers_shape_test "
                  "layers_weights_test layers_sequence_test",
}
ALL_LAYERS = ["graph_test", "layer_flops_test", "golden_networks_test", "special_values_test", "layer_table_test"]


@dataclass(frozen=True)
class Mutant:
    path: str
    start: int
    end: int
    text: str
    kind: str


# ---- making mutants -------------------------------------------------------------------------------------------------

SWAPS = {
    "arithmetic": {" + ": " - ", " - ": " + ", " * ": " / ", " / ": " * ", " % ": " / ", " += ": " -= ", " -= ": " += ",
                   " *= ": " /= ", " << ": " >> ", " >> ": " << ", " & ": " | ", " | ": " & ", " ^ ": " & "},
    "comparison": {" < ": " <= ", " <= ": " < ", " > ": " >= ", " >= ": " > ", " == ": " != ", " != ": " == "},
    "logic": {" && ": " || ", " || ": " && ", "true": "false", "false": "true"},
}
NUMBER = re.compile(r"(?<![\w.])(\d+\.\d*(?:[eE][+-]?\d+)?|\d+(?:[eE][+-]?\d+)?|0x[0-9a-fA-F]+)(?![\w.])")
DECLARED = re.compile(r"[;{}(,]\s*(?!return\b)(?:\w+[ *]+)+\w+\[$")  # of an array: a larger one changes nothing
CONDITION = re.compile(r"\b(?:if|while) \(")
STATEMENT = re.compile(r"(?m)^ +((?:[\w.>\[\]*()-]+ (?:[-+*/|&^]?=) [^;{}]*|\w+\([^;{}]*\)|[\w.>\[\]-]+(?:\+\+|--)|"
                       r"break|continue));$")


def code_only(text):
    """The text with comments, literals and preprocessor lines blanked."""
    token = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|^[ \t]*#(?:\\\n|[^\n])*', re.S | re.M)
    return token.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def closing(text, opening):
    depth = 0
    for i in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return i
    return None


def other_number(number):
    if "x" in number:
        return f"({number} + 1)"
    if not number.isdigit():
        return repr(1.125 * float(number) or 0.125)
    return {"0": "1", "1": "0"}.get(number, str(int(number) + 1))


def mutants_of(path, text):
    code = code_only(text)
    for kind, swaps in SWAPS.items():
        for old, new in swaps.items():
            pattern = rf"\b{old}\b" if old.isalpha() else re.escape(old)
            yield from (Mutant(path, m.start(), m.end(), new, kind) for m in re.finditer(pattern, code))
    yield from (Mutant(path, m.start(), m.end(), other_number(m.group()), "constant") for m in NUMBER.finditer(code)
                if not DECLARED.search(code, max(0, m.start() - 100), m.start()))
    for m in CONDITION.finditer(code):
        end = closing(code, m.end() - 1)
        if end:
            yield Mutant(path, m.end(), end, f"!({text[m.end():end]})", "condition")
    for m in STATEMENT.finditer(code):
        if code[:m.start()].rstrip()[-1:] in ",(":
            continue  # the second line of a call
        yield Mutant(path, m.start(1), m.end(1), "(void)0", "statement")


def all_mutants(only):
    found = []
    for folder in FOLDERS:
        for file in sorted((TREE / folder).rglob("*.c")):
            path = str(file.relative_to(TREE))
            if fnmatch.fnmatch(path, only):
                found += mutants_of(path, file.read_text())
    return found


def describe(mutant):
    text = (TREE / mutant.path).read_text()
    line = text.count("\n", 0, mutant.start)
    before = text.split("\n")[line].strip()
    at = mutant.start - text.rfind("\n", 0, mutant.start) - 1 - (len(text.split("\n")[line]) - len(before))
    old = text[mutant.start:mutant.end].strip()
    return f"{mutant.path}:{line + 1}: {mutant.kind}, column {at + 1}: `{old}` to `{mutant.text.strip()}` in `{before}`"


# ---- building and testing -------------------------------------------------------------------------------------------

def run(command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def need(command):
    result = run(command)
    if result.returncode:
        sys.exit(result.stdout[-4000:])


def copy_tree():
    """What git knows or would add; files that are there already and equal keep their time."""
    names = run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"]).stdout.split("\n")
    wanted = {n for n in names if n and (ROOT / n).is_file()}
    for name in wanted:
        source, target = ROOT / name, TREE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != source.read_bytes():
            shutil.copyfile(source, target)
    for file in [f for f in TREE.rglob("*") if f.is_file()]:
        if str(file.relative_to(TREE)) not in wanted:
            file.unlink()


def tests_of(path):
    folder = max((f for f in TESTS if path.startswith(f + "/")), key=len)
    named = TESTS[folder].split()
    if folder == "src/layers":  # the test that speaks of this layer first
        named.sort(key=lambda t: Path(path).stem not in (ROOT / f"tests/unit/{t}.c").read_text())
    return [t for t in named + ALL_LAYERS if (ROOT / f"tests/unit/{t}.c").exists()]


def build(targets, jobs):
    return run(["ninja", "-C", BUILD, "-j", str(jobs), *targets])


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def fails(test):
    try:
        return run([BUILD / "tests" / test], cwd=WORK, timeout=TEST_SECONDS, preexec_fn=limit).returncode != 0
    except (subprocess.TimeoutExpired, UnicodeDecodeError):
        return True


def objects_by_source():
    objects = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        output = re.search(r" -o (\S+)", entry["command"]).group(1)
        objects.setdefault(os.path.relpath(entry["file"], TREE), []).append(BUILD / output)
    return objects


class Changed:
    """The tree with one mutant in it; afterwards the source and its objects are as they were, so that no build is due."""

    def __init__(self, mutant, objects):
        self.file, self.objects, self.mutant = TREE / mutant.path, objects.get(mutant.path, []), mutant

    def __enter__(self):
        self.text, self.time = self.file.read_text(), self.file.stat()
        for o in self.objects:
            shutil.copy2(o, f"{o}.kept")
        self.file.write_text(self.text[:self.mutant.start] + self.mutant.text + self.text[self.mutant.end:])

    def __exit__(self, *_):
        self.file.write_text(self.text)
        os.utime(self.file, ns=(self.time.st_atime_ns, self.time.st_mtime_ns))
        for o in self.objects:
            shutil.move(f"{o}.kept", o)


def judge(mutant, objects, jobs):
    """"killed by …", "survived", or "not built"."""
    tests = tests_of(mutant.path)
    with Changed(mutant, objects):
        if build(tests, jobs).returncode:
            return "not built"
        killer = next((t for t in tests if fails(t)), None)
    return f"killed by {killer}" if killer else "survived"


# ---- the whole ------------------------------------------------------------------------------------------------------

def prepare(jobs):
    WORK.mkdir(parents=True, exist_ok=True)
    copy_tree()
    need(["cmake", "-S", TREE, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_C_FLAGS_DEBUG=-O1",
          "-DDNN_EXAMPLES=OFF"])
    every = sorted({t for folder in TESTS for t in tests_of(folder + "/x")})
    need(["ninja", "-C", BUILD, "-j", str(jobs), *every])
    broken = [t for t in every if fails(t)]
    if broken:
        sys.exit(f"without a mutant these fail already: {' '.join(broken)}")
    return objects_by_source()


def report(results, total, seed):
    counted = [(m, r) for m, r in results if r != "not built"]
    lines, killed = [], sum(r != "survived" for _, r in counted)
    for folder in sorted({os.path.dirname(m.path) for m, _ in counted}):
        here = [r for m, r in counted if os.path.dirname(m.path) == folder]
        lines.append(f"{folder:16} {sum(r != 'survived' for r in here):4} of {len(here):4}")
    kinds = Counter(m.kind for m, r in counted if r == "survived")
    lines += ["", *(describe(m) for m, r in counted if r == "survived"), ""]
    share = 100 * killed / len(counted) if counted else 0
    lines.append(f"{killed} of {len(counted)} mutants killed, {share:.1f} %; sampled from {total} with seed {seed}; "
                 f"{len(results) - len(counted)} more did not compile; survivors by kind: {dict(kinds)}")
    (WORK / "report.txt").write_text("\n".join(lines) + "\n")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="*", help="paths of the files, as in lib/gemm/*")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--list", action="store_true", help="list the mutants, run nothing")
    options = parser.parse_args()
    if options.list:
        copy_tree()
        return print("\n".join(map(describe, all_mutants(options.only))))
    objects = prepare(options.jobs)
    mutants = all_mutants(options.only)
    sample, results = random.Random(options.seed).sample(mutants, len(mutants)), []
    end = time.monotonic() + 60 * options.minutes
    for mutant in sample:
        if time.monotonic() > end:
            break
        results.append((mutant, judge(mutant, objects, options.jobs)))
        print(f"{len(results):4} {results[-1][1]}: {describe(mutant)}", flush=True)
    print("\n".join(["", *report(results, len(mutants), options.seed)]))


if __name__ == "__main__":
    main()
