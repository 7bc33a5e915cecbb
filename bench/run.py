#!/usr/bin/env python3
"""Speed and memory of libdnn beside a peer's, measured in turns.

    run.py [--build FOLDER] [--peer PYTHON] [--threads 1,2] [--seconds 6] [--json FILE] [NAME...]

NAME: networks (`steps list` has them), "scaling", "memory", "monitor", "checkpoint", "startup", "kernels", "data";
without any, all of it. For each network, first both sides compute the same example from the same weights. Then each side's
program is started once for each mode and number of threads, and they run in turns, a block of steps each, so that what
else the machine does hits all alike.
Times are medians over all steps; a ratio is the median over the rounds of (peer / libdnn), with the lowest and the
highest round.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROUNDS = 7
STEPS_TO_COMPARE = 5
PAUSE = 0.05  # seconds before a turn: threads of the other side may still be looking for work


def parse_arguments():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip())
    parser.add_argument("--build", type=Path, default=HERE.parent / "build" / "release")
    parser.add_argument("--peer", default=os.environ.get("DNN_BENCH_PYTHON", "python3"))
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--seconds", type=float, default=6, help="for each program, mode and number of threads")
    parser.add_argument("--json", type=Path)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    options.threads = [int(t) for t in options.threads.split(",")]
    options.programs = options.build / "bench"
    return options


def output(command):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout


def answer(command):
    return json.loads(output(command))


# ---- the programs ----------------------------------------------------------------------------------------------------

class Program:
    """One side of a comparison, waiting for its turn."""

    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.facts = self.read()
        self.rounds = []  # the seconds of each step, round by round
        self.last = None

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended with status {self.process.wait()}")
        return json.loads(line)

    def run(self, steps):
        time.sleep(PAUSE)
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        self.last = self.read()
        return self.last["seconds"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def median(self):
        return statistics.median(s for seconds in self.rounds for s in seconds)


class Bench:
    def __init__(self, options):
        self.options = options
        self.peer = self.find_peer()

    def find_peer(self):
        try:
            version = output([self.options.peer, "-c", "import torch; print(torch.__version__)"]).strip()
        except (OSError, subprocess.CalledProcessError):
            return None
        return f"PyTorch {version}"

    def ours(self, *arguments):
        return [self.options.programs / "steps", *arguments]

    def theirs(self, *arguments):
        return [self.options.peer, HERE / "peer_torch.py", *arguments]

    def start(self, network, mode, threads):
        programs = [Program("libdnn", self.ours(network, mode, threads))]
        if self.peer:
            layouts = ["contiguous"] if network.startswith(("mlp", "gpt", "lstm")) else ["contiguous", "channels_last"]
            programs += [Program(layout, self.theirs(network, mode, threads, layout)) for layout in layouts]
        return programs


# ---- the same numbers first ------------------------------------------------------------------------------------------

def close(a, b, tolerance):
    return abs(a - b) <= tolerance * abs(b)


def compare_numbers(bench, network):
    """Both sides from the same weights: the prediction, and the losses of some steps. Training amplifies rounding."""
    with tempfile.TemporaryDirectory() as folder:
        output(bench.ours(network, "write", folder, STEPS_TO_COMPARE))
        found = answer(bench.theirs(network, "check", folder))
    ours, theirs = found["losses"], found["peer_losses"]
    same = found["prediction"] < 1e-5 and close(ours[0], theirs[0], 1e-5)
    same = same and all(close(a, b, 0.03) for a, b in zip(ours, theirs)) and ours[-1] < ours[0]
    print(f"{network}: {found['parameters']} parameters; predictions differ by {found['prediction']:.1e}; losses "
          f"{ours[0]:.5f} … {ours[-1]:.5f}, the peer's {theirs[0]:.5f} … {theirs[-1]:.5f}", flush=True)
    if not same:
        raise SystemExit(f"{network}: the two sides do not compute the same")
    return found


# ---- in turns --------------------------------------------------------------------------------------------------------

def take_turns(programs, seconds):
    """Blocks as long as `seconds` allows, at least one step each; the first round only warms up and sets their size."""
    steps = []
    for program in programs:
        program.run(1)
        longest = min(program.run(2))
        steps.append(max(1, min(2000, int(seconds / ROUNDS / longest))))
    for _ in range(ROUNDS):
        for program, count in zip(programs, steps):
            program.rounds.append(program.run(count))


def ratios(ours, theirs):
    each = [statistics.median(b) / statistics.median(a) for a, b in zip(ours.rounds, theirs.rounds)]
    return {"median": statistics.median(each), "lowest": min(each), "highest": max(each)}


def measure(bench, network, mode, threads):
    programs = bench.start(network, mode, threads)
    take_turns(programs, bench.options.seconds)
    for program in programs:
        program.close()
    ours, peers = programs[0], programs[1:]
    row = {"network": network, "mode": mode, "threads": threads, "kernels": ours.facts["kernels"],
           "parameters": ours.facts["parameters"], "ms": ours.median() * 1e3, "bytes": ours.last["peak_bytes"],
           "allocations": ours.last["allocations"]}
    if peers:
        best = min(peers, key=Program.median)
        if best.facts["parameters"] != ours.facts["parameters"]:
            raise SystemExit(f"{network}: {row['parameters']} parameters, the peer has {best.facts['parameters']}")
        row["peers_ms"] = {p.name: p.median() * 1e3 for p in peers}
        row |= {"peer": best.name, "peer_ms": best.median() * 1e3, "peer_bytes": best.last["peak_bytes"],
                "ratio": ratios(ours, best)}
    return row


HEADING = (f"{'network':<15} {'mode':<7} {'threads':>7} {'libdnn ms':>10} {'peer ms':>9}  {'ratio (range)':<22}"
           f"{'MB':>6} {'peer MB':>8} {'allocations':>12}  peer's layout")


def spread(ratio):
    return f"{ratio['median']:.2f} ({ratio['lowest']:.2f}-{ratio['highest']:.2f})"


def line(row):
    text = f"{row['network']:<15} {row['mode']:<7} {row['threads']:>7} {row['ms']:>10.3f} "
    if "ratio" not in row:
        return text + f"{'-':>9}  {'-':<22}{row['bytes'] / 1e6:>6.0f} {'-':>8} {row['allocations']:>12}"
    return text + (f"{row['peer_ms']:>9.3f}  {spread(row['ratio']):<22}{row['bytes'] / 1e6:>6.0f} "
                   f"{row['peer_bytes'] / 1e6:>8.0f} {row['allocations']:>12}  {row['peer']}")


# ---- scaling, start-up, kernels, data --------------------------------------------------------------------------------

def median_of(answers):
    return {key: statistics.median(a[key] for a in answers) for key in answers[0]}


def measure_scaling(bench, network):
    """One thread against several, libdnn alone, in turns."""
    rows = []
    print("\nScaling: speed with several threads over that with one")
    for mode in ("train", "predict"):
        for threads in (t for t in bench.options.threads if t > 1):
            programs = [Program("libdnn", bench.ours(network, mode, t)) for t in (threads, 1)]
            take_turns(programs, bench.options.seconds)
            for program in programs:
                program.close()
            rows.append({"network": network, "mode": mode, "threads": threads, "ratio": ratios(*programs)})
            print(f"{network:<15} {mode:<7} {threads} threads: {spread(rows[-1]['ratio'])}", flush=True)
    return rows


def measure_memory(bench, network):
    """A training step within budgets of memory beside one without, in turns. Peaks are those of whole processes, with
    the parameters, their gradients and the optimizer's state."""
    threads = max(bench.options.threads)
    free = Program("libdnn", bench.ours(network, "train", threads))
    budgets = {"half": free.facts["arena_bytes"] // 2, "least": -1}
    programs = [free] + [Program(name, bench.ours(network, "train", threads, bytes)) for name, bytes in budgets.items()]
    take_turns(programs, bench.options.seconds)
    for program in programs:
        program.close()
    print(f"\nMemory: training steps of {network} within a budget for the arena, {threads} thread(s)")
    print(f"{'budget':<8}{'arena MB':>9} {'of all':>7} {'peak MB':>8} {'again':>6} {'% of a forward':>15}  time (range)")
    rows = []
    for program in programs:
        facts = program.facts
        rows.append({"budget": program.name if program is not free else "none", "arena_bytes": facts["arena_bytes"],
                     "peak_bytes": program.last["peak_bytes"], "recomputed_steps": facts["recomputed_steps"],
                     "recomputed_flops": facts["recomputed_flops"], "ms": program.median() * 1e3,
                     "ratio": ratios(free, program), "allocations": program.last["allocations"]})
        print(f"{rows[-1]['budget']:<8}{facts['arena_bytes'] / 1e6:>9.1f} "
              f"{100 * facts['arena_bytes'] / free.facts['arena_bytes']:>6.0f}% {program.last['peak_bytes'] / 1e6:>8.0f} "
              f"{facts['recomputed_steps']:>6} {100 * facts['recomputed_flops'] / facts['flops']:>15.1f}  "
              f"{spread(rows[-1]['ratio'])}", flush=True)
    return rows


def measure_monitor(bench):
    """Training steps with a monitor and without, block by block in one process, so in the same memory."""
    rows = []
    print("\nMonitor: what watching adds to a training step, median over the rounds (lowest, highest)")
    for network in ("mlp", "cnn", "resnet18_32"):
        for threads in bench.options.threads:
            program = Program("libdnn", bench.ours(network, "watch", threads))
            steps = max(1, int(bench.options.seconds / ROUNDS / 2 / min(program.run(2))))
            answers = [(program.run(steps), program.last["watched"]) for _ in range(ROUNDS)]
            program.close()
            added = sorted(100 * (statistics.median(b) / statistics.median(a) - 1) for a, b in answers)
            rows.append({"network": network, "threads": threads, "added": added})
            print(f"{network:<15} {threads} thread(s): {statistics.median(added):+.2f} % "
                  f"({added[0]:+.2f}, {added[-1]:+.2f})", flush=True)
    return rows


def measure_startup(bench):
    """Medians of several processes each; of the peer, three."""
    programs = bench.options.programs
    found = {"libdnn": median_of([answer([programs / "startup", programs / "libbench_session.so", "mlp"])
                                  for _ in range(9)])}
    if bench.peer:
        threads = os.cpu_count()
        found["peer"] = median_of([answer(bench.theirs("mlp", "startup", threads)) for _ in range(3)])
    print("\nStart-up, ms: from dlopen (import) to the end of the first step of mlp")
    for side, times in found.items():
        print(f"{side:<8}" + "".join(f"  {key} {value:.1f}" for key, value in times.items()))
    return found


def measure_checkpoint(bench):
    """On the disk that the build lies on."""
    found = output([bench.options.programs / "checkpoint", bench.options.programs])
    print(f"\nCheckpoint: {found}", end="", flush=True)
    return found


def measure_lines(bench, program):
    """What a program that prints its own figures prints."""
    found = {}
    for threads in bench.options.threads:
        print(f"\n{program.capitalize()}, {threads} thread(s)", flush=True)
        found[threads] = output([bench.options.programs / program, threads])
        print(found[threads], flush=True)
    return found


# ---- all of it -------------------------------------------------------------------------------------------------------

def machine():
    model = [text.split(":")[1].strip() for text in Path("/proc/cpuinfo").read_text().splitlines()
             if text.startswith("model name")]
    return {"processor": model[0] if model else platform.processor(), "processors": os.cpu_count(),
            "load": os.getloadavg()[0]}


def measure_networks(bench, chosen):
    for network in chosen if bench.peer else []:
        compare_numbers(bench, network)
    print(f"\n{HEADING}")
    rows = []
    for network in chosen:
        for mode in ("train", "predict"):
            for threads in bench.options.threads:
                rows.append(measure(bench, network, mode, threads))
                print(line(rows[-1]), flush=True)
    if rows:
        print(f"\nlibdnn's kernels: {rows[-1]['kernels']}")
    return rows


def main():
    options = parse_arguments()
    bench = Bench(options)
    known = output(bench.ours("list")).split()
    parts = known + ["scaling", "memory", "monitor", "checkpoint", "startup", "kernels", "data"]
    wanted = options.names or parts
    unknown = [name for name in wanted if name not in parts]
    if unknown:
        raise SystemExit(f"unknown: {' '.join(unknown)}; there are {' '.join(parts)}")
    result = {"machine": machine(), "peer": bench.peer, "seconds": options.seconds}
    print(f"{result['machine']['processor']}, {result['machine']['processors']} processors, load "
          f"{result['machine']['load']:.1f}; peer: {bench.peer or 'none'}", flush=True)
    chosen = [name for name in known if name in wanted]
    if chosen:
        result["networks"] = measure_networks(bench, chosen)
    if "scaling" in wanted:
        result["scaling"] = measure_scaling(bench, "resnet18_224")
    if "memory" in wanted:
        result["memory"] = measure_memory(bench, "resnet18_224")
    if "monitor" in wanted:
        result["monitor"] = measure_monitor(bench)
    if "checkpoint" in wanted:
        result["checkpoint"] = measure_checkpoint(bench)
    if "startup" in wanted:
        result["startup"] = measure_startup(bench)
    for program in ("kernels", "data"):
        if program in wanted:
            result[program] = measure_lines(bench, program)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
        print(f"\nall figures: {options.json}")


if __name__ == "__main__":
    sys.exit(main())
