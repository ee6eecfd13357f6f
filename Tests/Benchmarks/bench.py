#!/usr/bin/env python3
"""Measures rx against other programs, all in one run and in turns: `bench.py PATH_TO_RX [--only NAME | --transfer | --loading] [--json FILE] [--quick]`.

It is a report: the exit status is 0 when something is slower than expected, and 1 only when a measurement could not be made.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import adding
import distribution
import insert
import large
import loading
import machine
import materialise
import peers
import serving
import slow
import transfer
import workload
from measure import Failure

# Name, what measures it, and whether it needs the servers.
STEPS = {
    "manifest": (serving.manifest_requests, True), "download": (serving.download, True), "publish": (serving.upload, True),
    "v2-manifest": (distribution.manifest, True), "v2-blob": (distribution.blob, True), "v2-small-blob": (distribution.small_blob, True),
    "v2-push": (distribution.push, True),
    "add": (adding.add, False), "tree": (serving.tree, True), "version": (adding.start, False),
}
# Those of `make bench-transfer`; each starts what it needs itself.
TRANSFER = {
    "push": (transfer.push, False), "pull": (materialise.pull, False), "materialise": (materialise.materialise, False),
    "large": (large.transfer, False), "insert": (insert.insert, False), "slow": (slow.pull, False),
}
# Those of `make bench-loading`.
LOADING = {
    "first-use": (loading.first_use, False), "bound": (loading.bound, False), "dispatch": (loading.dispatch, False), "bridge": (loading.bridge, False),
    "raw": (loading.raw, False),
}
STEPS.update(TRANSFER)
STEPS.update(LOADING)
MEMORY_LIMIT = 64.0
# Seconds for the measurements of servers and of transfers, by whether the run is a quick one; cleaning up comes on top.
TIME_LIMIT = {False: (480, 780), True: (110, 240)}


class OutOfTime(Exception):
    """The time for the whole run is over."""


class Arena:
    """One run: its folder, its servers, the tree that several steps use."""

    def __init__(self, rx, quick):
        self.rx, self.quick = rx, quick
        self.root = tempfile.mkdtemp(prefix="rx-bench-")
        # Each folder in it gets a part of an ext4 disk for itself: what one contestant deleted or filled is not in the way of another.
        subprocess.run(["chattr", "+T", self.root], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        self.servers, self.made_tree = [], None
        self.peaks = {}

    def path(self, name):
        return os.path.join(self.root, name)

    def folder(self, name):
        os.makedirs(self.path(name))
        return self.path(name)

    def tree(self):
        """The 10,000-file tree and its bytes; made on first use."""
        if not self.made_tree:
            self.made_tree = (self.path("tree"), workload.tree(self.path("tree")))
        return self.made_tree

    def start_servers(self):
        if self.servers:
            return
        started = []
        try:
            for kind, folder in ((peers.Nginx, "nginx"), (peers.DockerRegistry, "docker")):
                started.append(kind(self.folder(folder)))
            started.append(peers.Rx(self.rx, self.folder("rx")))
        except BaseException:
            for server in started:
                server.stop()
            raise
        self.servers = started
        self.nginx, self.docker, self.rx_server = started

    def sample(self, step):
        """Keeps the rx server's peak of this step and begins a new one."""
        memory = self.rx_server.memory()
        self.peaks[step] = {name: value / 1024 for name, value in memory.items()}
        self.rx_server.forget_peak()

    def close(self):
        for server in reversed(self.servers):
            server.stop()
        workload.remove(self.root)


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 100 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def show(outcome):
    print(f"\n{outcome.title}")
    wide = max([24, *(len(each.name) + 2 for each in outcome.series)])
    between = max([34, *(len(f"{each.top.name} / {each.bottom.name}") + 2 for each in outcome.ratios)])
    for each in outcome.series:
        spread = f"{number(min(each.values))} .. {number(max(each.values))}" if len(each.values) > 1 else ""
        print(f"  {each.name:<{wide}}{number(each.median):>12} {each.unit:<11} {spread}")
    for each in outcome.ratios:
        verdict = f"expected {each.expected:<9} {'met' if each.met else 'not met'}" if each.met is not None else ""
        print(f"    {each.top.name + ' / ' + each.bottom.name:<{between}}{number(each.value):>8}   {number(each.low) + ' .. ' + number(each.high):<16} {verdict}".rstrip())
    for note in outcome.notes:
        print(f"    ({note})")
    sys.stdout.flush()


def show_memory(peaks):
    most = max(peak["VmHWM"] for peak in peaks.values())
    print("\nmemory of the rx server, MiB resident, mapped files included; one server for all steps, its peak in each")
    for step, peak in peaks.items():
        print(f"  after {step:<18}{peak['VmHWM']:>12.1f} peak        now {peak['VmRSS']:.1f}: {peak['RssAnon']:.1f} own, {peak['RssFile']:.1f} of files")
    print(f"    {'peak of all':<34}{most:>8.1f}   expected < {MEMORY_LIMIT:<7g} {'met' if most < MEMORY_LIMIT else 'not met'}")
    return {"peak": most, "expected": f"< {MEMORY_LIMIT:g}", "met": most < MEMORY_LIMIT, "steps": peaks}


def measure(arena, names):
    """Makes each measurement in turn. Gives what was found and what could not be."""
    outcomes, failures = [], []
    for name in names:
        step, needs_servers = STEPS[name]
        began = time.monotonic()
        try:
            if needs_servers:
                arena.start_servers()
                if not arena.peaks:
                    arena.sample("start")
            outcome = step(arena)
            show(outcome)
            outcomes.append(outcome)
            if arena.servers:
                arena.sample(name)
        except (Failure, OSError) as error:
            print(f"\n{name}: could not be measured: {error}", flush=True)
            failures.append({"name": name, "reason": str(error)})
        except OutOfTime:
            late = list(names)[list(names).index(name):]
            print(f"\n{', '.join(late)}: could not be measured: the time for the whole run is over", flush=True)
            return outcomes, failures + [{"name": each, "reason": "the time for the whole run is over"} for each in late]
        print(f"  [{name}: {time.monotonic() - began:.0f} s]", file=sys.stderr)
    return outcomes, failures


def out_of_time(*_):
    raise OutOfTime


def stopped(*_):
    sys.exit(1)


def main():
    parser = argparse.ArgumentParser(description="Measures rx against other programs.")
    parser.add_argument("rx", help="the rx program, a release build")
    parser.add_argument("--only", choices=STEPS, action="append", metavar="NAME", help=f"only this measurement: {', '.join(STEPS)}; may be repeated")
    parser.add_argument("--transfer", action="store_true", help=f"only the measurements of transfers: {', '.join(TRANSFER)}")
    parser.add_argument("--loading", action="store_true", help=f"only the measurements of rx run: {', '.join(LOADING)}")
    parser.add_argument("--json", metavar="FILE", help="write everything as JSON too")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, smaller files")
    options = parser.parse_args()
    names = options.only or list(TRANSFER if options.transfer else LOADING if options.loading else STEPS)
    rx = shutil.which(os.path.abspath(options.rx))
    if not rx:
        parser.error(f"{options.rx} is not a program")

    signal.signal(signal.SIGALRM, out_of_time)
    signal.signal(signal.SIGTERM, stopped)
    began = time.monotonic()
    arena = Arena(rx, options.quick)
    try:
        servers, transfers = TIME_LIMIT[options.quick]
        signal.alarm((servers if set(names) - set(TRANSFER) else 0) + (transfers if set(names) & set(TRANSFER) else 0))
        facts = machine.facts(rx, arena.root)
        for name, value in facts.items():
            print(f"{name:<12} {value}")
        print("median, then min .. max of the rounds; the contestants take turns; a ratio is the median of the rounds' ratios, beside the middle half of them")
        outcomes, failures = measure(arena, names)
        memory = show_memory(arena.peaks) if arena.peaks else None
    finally:
        signal.alarm(0)
        cleaning = time.monotonic()
        arena.close()
        print(f"  [cleaning: {time.monotonic() - cleaning:.0f} s]", file=sys.stderr)
    seconds = time.monotonic() - began
    print(f"\n{seconds:.0f} s in all")
    if options.json:
        with open(options.json, "w") as file:
            json.dump({
                "machine": facts, "quick": options.quick, "seconds": seconds, "outcomes": [each.json() for each in outcomes], "memory": memory,
                "failures": failures,
            }, file, indent=2)
            file.write("\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
