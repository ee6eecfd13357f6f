#!/usr/bin/env python3
"""Runs the parsers' fuzzer (see README.md beside this file) and prints a table of what it did.

fuzz.py BINARY [--target NAME]... [--runs N] [--seed N] [--work FOLDER] [--jobs N] [--merge]

The inputs begin with corpus/ and regressions/; what a run finds new is kept in the work folder and a later run begins with it. A parser
that has had its executions is not run again: progress is kept in the work folder, too. With --seed a run begins with corpus/ and
regressions/ alone, goes on from no other, and does the same every time. --merge puts the fewest inputs that reach what all of them
reach into corpus/.
"""
import argparse
import concurrent.futures
import ctypes
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import typing

HERE = pathlib.Path(__file__).resolve().parent
# One call of the fuzzer does so many executions: what a stopped run has done is known to the last of these.
PORTION = 500_000
# Bounds for one input: memory, one allocation, seconds of the wall, which a busy machine may let pass without a parser's doing.
BOUNDS = ["-rss_limit_mb=1024", "-malloc_limit_mb=256", "-timeout=60", "-report_slow_units=60"]
# personality(2)
ADDR_NO_RANDOMIZE = 0x0040000
OPTIONS = BOUNDS + ["-print_final_stats=1", f"-dict={HERE}/words.dict"]


def environment(target, repeatable=False):
    # The stack of an allocation needs few frames, and freed memory need not be kept long: both take time.
    # Without Swift's own backtrace, which does not end under the address sanitizer.
    sanitizer = "malloc_context_size=1:quarantine_size_mb=1:allocator_may_return_null=1"
    told = os.environ | {"RX_FUZZ_TARGET": target, "ASAN_OPTIONS": sanitizer, "SWIFT_BACKTRACE": "enable=no"}
    # Else the order of what is in a Dictionary, and so what is reached, changes with each run.
    return told | {"SWIFT_DETERMINISTIC_HASHING": "1"} if repeatable else told


def settle():
    """Has what this process becomes use the same addresses every time, where the system lets it: compared pointers guide the fuzzer, too."""
    ctypes.CDLL(None).personality(ctypes.c_ulong(ADDR_NO_RANDOMIZE))


class Ended(typing.NamedTuple):
    """What a call of the fuzzer told, and the processor's seconds that it took: the wall's depend on what else runs."""

    status: int
    told: str
    seconds: float


class Parser:
    def __init__(self, name, longest, options):
        self.name, self.longest, self.options = name, longest, options
        self.work = options.work / name
        self.found = self.work / "inputs"
        self.crashes = self.work / "crashes"
        for folder in (self.found, self.crashes):
            folder.mkdir(parents=True, exist_ok=True)
        self.notes = self.work / "progress.json"
        self.done = {"executions": 0, "seconds": 0.0, "edges": 0}
        # What was done with another binary proves nothing of this one.
        self.stamp = f"{options.binary.stat().st_size} {options.binary.stat().st_mtime_ns}"
        if self.notes.exists():
            kept = json.loads(self.notes.read_text())
            if kept.get("binary") == self.stamp:
                self.done = {key: kept[key] for key in self.done}

    def inputs(self):
        return [str(folder) for folder in (self.found, *self.kept()) if folder.exists()]

    def kept(self):
        return [folder / self.name for folder in (HERE / "corpus", HERE / "regressions") if (folder / self.name).exists()]

    def call(self, arguments):
        command = [str(self.options.binary), f"-max_len={self.longest}", f"-artifact_prefix={self.crashes}/", *OPTIONS, *arguments]
        repeatable = self.options.seed is not None
        running = subprocess.Popen(
            command, env=environment(self.name, repeatable), preexec_fn=settle if repeatable else None,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
        told = running.stderr.read()
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        return Ended(running.returncode, told, usage.ru_utime + usage.ru_stime)

    def portion(self, arguments):
        """One call of the fuzzer; false when it found something or did nothing."""
        ended = self.call(arguments)
        count = re.search(r"number_of_executed_units:\s*(\d+)", ended.told)
        edges = re.findall(r"cov: (\d+)", ended.told)
        self.done["executions"] += int(count[1]) if count else 0
        self.done["seconds"] += ended.seconds
        self.done["edges"] = max([self.done["edges"], *map(int, edges)])
        self.notes.write_text(json.dumps(self.done | {"binary": self.stamp}))
        if ended.status != 0:
            (self.work / "last.log").write_text(ended.told)
            reason = [line for line in ended.told.splitlines() if re.search(r"^broken|Fatal error|ERROR:", line)]
            print(f"{self.name}: {reason[0] if reason else ended.told[-500:]}\n  the whole story: {self.work}/last.log", file=sys.stderr)
        return ended.status == 0 and bool(count) and int(count[1]) > 0

    def run(self):
        if self.options.seed is not None:
            self.done = {"executions": 0, "seconds": 0.0, "edges": 0}
            # A folder's order is the file system's: the inputs are named one by one, and what is found is not written anywhere.
            named = self.work / "kept"
            named.write_text(",".join(str(path) for folder in self.kept() for path in sorted(folder.iterdir())))
            self.good = self.portion([f"-runs={self.options.runs}", f"-seed={self.options.seed}", f"-seed_inputs=@{named}"])
            return self
        self.good = True
        while self.good and self.done["executions"] < self.options.runs:
            self.good = self.portion([f"-runs={min(PORTION, self.options.runs - self.done['executions'])}", *self.inputs()])
        return self

    def merge(self):
        """The fewest inputs of all take the place of those in corpus/."""
        fresh = self.work / "merged"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        ended = self.call(["-set_cover_merge=1", "-use_counters=0", str(fresh), *self.inputs()])
        if ended.status != 0:
            sys.exit(f"{self.name}: the inputs could not be merged\n{ended.told[-2000:]}")
        corpus = HERE / "corpus" / self.name
        shutil.rmtree(corpus, ignore_errors=True)
        shutil.copytree(fresh, corpus)
        shutil.rmtree(fresh)
        return f"{self.name:12} {sum(1 for _ in corpus.iterdir()):6} inputs {sum(f.stat().st_size for f in corpus.iterdir()):9} bytes"


def table(parsers):
    print(f"{'parser':12} {'executions':>12} {'CPU s':>9} {'per CPU s':>11} {'edges':>7} {'crashes':>8}")
    for parser in parsers:
        done, crashes = parser.done, sum(1 for _ in parser.crashes.iterdir())
        rate = done["executions"] / done["seconds"] if done["seconds"] else 0
        print(f"{parser.name:12} {done['executions']:12,} {done['seconds']:9.1f} {rate:11,.0f} {done['edges']:7} {crashes:8}")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("binary", type=lambda path: pathlib.Path(path).resolve())
    options.add_argument("--target", action="append", help="one parser; may be given several times")
    options.add_argument("--runs", type=int, default=10_000_000, help="executions of each parser")
    options.add_argument("--seed", type=int, help="do the same every time")
    options.add_argument("--work", type=lambda path: pathlib.Path(path).resolve(), default=pathlib.Path(".build/fuzz-work").resolve())
    options.add_argument("--jobs", type=int, default=os.cpu_count(), help="parsers at a time")
    options.add_argument("--merge", action="store_true", help="make corpus/ anew from all inputs")
    options = options.parse_args()

    nobody = {key: value for key, value in environment("").items() if key != "RX_FUZZ_TARGET"}
    listed = subprocess.run([options.binary], env=nobody, capture_output=True, text=True, check=True).stdout
    known = [line.split() for line in listed.splitlines()]
    unknown = set(options.target or []) - {name for name, _ in known}
    if unknown:
        sys.exit(f"error: no parser is called {', '.join(sorted(unknown))}\nhint: the parsers are {' '.join(name for name, _ in known)}")
    parsers = [Parser(name, longest, options) for name, longest in known if not options.target or name in options.target]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        if options.merge:
            print(*pool.map(Parser.merge, parsers), sep="\n")
            return
        parsers = list(pool.map(Parser.run, parsers))
    table(parsers)
    if not all(parser.good for parser in parsers):
        sys.exit(f"error: the fuzzer found something; the inputs are in {options.work}/PARSER/crashes\n"
                 "hint: mend the parser, and keep the input in Tests/Fuzz/regressions/PARSER")


main()
