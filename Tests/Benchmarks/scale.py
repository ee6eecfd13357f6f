#!/usr/bin/env python3
"""Shows how the cost of a store grows: `scale.py PATH_TO_RX [--quick] [--json FILE]`.

Stores of 10,000, 100,000 and 1,000,000 blobs are generated, each with a tenth as many tags and a tenth of its blobs garbage. On each the same things are
measured, `find blobs -type f` in turns with collections. Up to 6 GiB of disk are needed, and given back. --quick ends at 100,000.
"""

import argparse
import http.client
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.dont_write_bytecode = True

import machine
import peers
import stores
import workload
from costs import cost
from measure import Failure, run

ROUNDS = 3
PAGE = 1000
# The longest that a push may wait for a collection, in seconds, and how much slower the median may be.
LONGEST_WAIT, SLOWEST = 0.05, 1.5
COLLECTION, MEMORY = 3.0, 200.0
# The longest time of pushes alone after a sweep, in seconds.
CALM = 120


class Row:
    """One thing that was measured in each store: seconds, and MiB where they were."""

    def __init__(self, name):
        self.name, self.seconds, self.memory = name, [], []

    def add(self, seconds, memory=None):
        self.seconds.append(seconds)
        self.memory.append(memory)


class Table:
    def __init__(self):
        self.rows = {}

    def add(self, name, seconds, memory=None):
        self.rows.setdefault(name, Row(name)).add(seconds, memory)

    def show(self, sizes):
        print(f"\n{'':<32}" + "".join(f"{f'{size:,} blobs':>22}" for size in sizes) + f"{'growth':>10}")
        for row in self.rows.values():
            cells = "".join(f"{cell(seconds, memory):>22}" for seconds, memory in zip(row.seconds, row.memory, strict=True))
            last = row.seconds[-2:]
            growth = f"x {last[1] / last[0]:.1f}" if len(last) == 2 and None not in last and last[0] else ""
            print(f"{row.name:<32}{cells}{growth:>10}")
        print("growth: the time in the last store by that in the one before, which is a tenth of it")


def cell(seconds, memory):
    if seconds is None:
        return "-"
    return f"{seconds * 1000:,.1f} ms" + (f" {memory:6.1f} MiB" if memory else "           ")


class Pushes:
    """One client that pushes a small image again and again, each with a layer of its own; notes how long each request took."""

    def __init__(self, url, name):
        parts = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.netloc, timeout=60)
        self.name, self.number = name, 0
        self.send("POST", "blobs/uploads/?digest=" + stores.digest(stores.EMPTY), stores.EMPTY, stores.LAYER)

    def send(self, method, path, body, media_type):
        began = time.perf_counter()
        self.connection.request(method, f"/v2/{self.name}/{path}", body, {"Content-Type": media_type})
        answer = self.connection.getresponse()
        answer.read()
        if answer.status != 201:
            raise Failure(f"push: status {answer.status}")
        return time.perf_counter() - began

    def push(self):
        """Seconds of one push, and of its slowest request."""
        self.number += 1
        layer = f"{self.name} {self.number} {os.getpid()}".encode() * 20
        first = self.send("POST", "blobs/uploads/?digest=" + stores.digest(layer), layer, stores.LAYER)
        second = self.send("PUT", f"manifests/p{self.number % 50}", stores.image(self.name, [layer]), stores.MANIFEST)
        return first + second, max(first, second)

    def during(self, seconds):
        end = time.monotonic() + seconds
        return self.until(lambda: time.monotonic() > end)

    def until(self, is_over):
        times = []
        while not is_over():
            times.append(self.push())
        return times


class Store:
    """A generated store under measurement."""

    def __init__(self, rx, root, blobs):
        self.rx, self.root, self.blobs = rx, root, blobs
        os.makedirs(root)
        self.data, self.generated = stores.make(rx, root, blobs, max(1, blobs // 10))
        self.environment = dict(os.environ, RX_HOME=self.data)
        # From here on everything is warm, as on a server that runs.
        run(["find", os.path.join(self.data, "blobs"), "-type", "f"], timeout=600)

    def command(self, *arguments):
        return cost([self.rx, *arguments], env=self.environment, timeout=600)

    def find(self):
        return cost(["find", os.path.join(self.data, "blobs"), "-type", "f"], timeout=600)

    def in_turns(self, *arguments):
        """Costs of `find` and of a command, in turns."""
        pairs = [(self.find(), self.command(*arguments)) for _ in range(ROUNDS)]
        return [each for each, _ in pairs], [each for _, each in pairs]


def medians(costs):
    return statistics.median(each.seconds for each in costs), max(each.memory for each in costs)


def collections(store, table, verdicts):
    found, marks = store.in_turns("gc", "--dry-run")
    table.add("find blobs -type f", *medians(found))
    table.add("gc: mark (dry run)", *medians(marks))
    ratio = statistics.median(mark.seconds / find.seconds for find, mark in zip(found, marks, strict=True))
    verdicts.append((f"{store.blobs:,}: gc mark / find", ratio, COLLECTION, "x"))


def pushing(store, table, verdicts):
    """Pushes alone, then while a collection sweeps the garbage beside them, then alone for as long: the slowest of many is slower than that of few."""
    server = peers.Rx(store.rx, os.path.join(store.root))
    try:
        table.add("start of rx serve", store.started, server.memory()["VmHWM"] / 1024)
        pushes = Pushes(server.url, "bench/push")
        alone = pushes.during(3)
        peak = peers_peak(server)
        seconds, memory, report, beside = collecting(store, pushes)
        if report["blobs"] < store.blobs // stores.GARBAGE // 2:
            raise Failure(f"rx gc beside pushes: {report}")
        alone += pushes.during(min(seconds, CALM))
        table.add("gc: sweep, pushes beside", seconds, memory)
        table.add("push alone", statistics.median(each for each, _ in alone), peak)
        table.add("push during gc", statistics.median(each for each, _ in beside), peers_peak(server))
        worst, usual = (max(slowest for _, slowest in each) for each in (beside, alone))
        table.add("slowest request during gc", worst)
        table.add("slowest request alone", usual)
        table.add("one in 1,000 during gc takes", thousandth(beside))
        table.add("one in 1,000 alone takes", thousandth(alone))
        verdicts.append((f"{store.blobs:,}: push during gc / alone", statistics.median(each for each, _ in beside) / statistics.median(each for each, _ in alone), SLOWEST, "x"))
        verdicts.append((f"{store.blobs:,}: slowest request during gc, less the slowest alone", worst - usual, LONGEST_WAIT, "s"))
        listings(store, server, table)
        retention(store, pushes, usual, table, verdicts)
    finally:
        server.stop()


def thousandth(pushes):
    """The seconds that one request in a thousand takes at least."""
    times = sorted(slowest for _, slowest in pushes)
    return times[-1 - len(times) // 1000]


def collecting(store, pushes):
    """Pushes for as long as a collection takes. Gives its seconds, its memory and report, and the pushes."""
    peak_file = os.path.join(store.root, "peak")
    # Not a pipe: nobody reads it before the end, and a report names every tag that went.
    with tempfile.TemporaryFile(dir=store.root) as report:
        collection = subprocess.Popen(
            ["/usr/bin/time", "-q", "-f", "%M", "-o", peak_file, store.rx, "gc", "--json"], env=store.environment, stdout=report,
            stderr=subprocess.DEVNULL)
        began = time.perf_counter()
        beside = pushes.until(lambda: collection.poll() is not None)
        seconds = time.perf_counter() - began
        report.seek(0)
        output = report.read()
    if collection.returncode:
        raise Failure(f"rx gc ended with status {collection.returncode}")
    with open(peak_file) as file:
        return seconds, int(file.read()) / 1024, json.loads(output), beside


def retention(store, pushes, usual, table, verdicts):
    """A rule that lets all tags of the largest repository go but for the newest, and pushes beside, whose slowest request alone took `usual` seconds."""
    path = os.path.join(store.data, "config.json")
    with open(path, "w") as file:
        json.dump({"retention": [{"repositories": [stores.BIG], "keepLast": 10}]}, file)
    try:
        seconds, memory, report, beside = collecting(store, pushes)
    finally:
        os.remove(path)
    expected = len(range(0, max(1, store.blobs // 10), 2)) - 10
    if len(report["tags"]) != expected:
        raise Failure(f"{len(report['tags'])} tags went, not {expected}")
    table.add("gc: retention, pushes beside", seconds, memory)
    worst = max(slowest for _, slowest in beside)
    table.add("slowest request beside that", worst)
    table.add("one in 1,000 beside that takes", thousandth(beside))
    verdicts.append((f"{store.blobs:,}: slowest request beside retention, less the slowest alone", worst - usual, LONGEST_WAIT, "s"))


def peers_peak(server):
    return server.memory()["VmHWM"] / 1024


def listings(store, server, table):
    """All pages of the tags of the largest repository, and searches."""
    server.forget_peak()
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.url).netloc, timeout=60)

    def get(path):
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise Failure(f"GET {path}: status {answer.status}")
        return json.loads(body)

    began, last, count, slowest = time.perf_counter(), "", 0, 0.0
    while True:
        page = time.perf_counter()
        names = get(f"/v2/{stores.BIG}/tags/list?n={PAGE}" + (f"&last={last}" if last else ""))["tags"]
        slowest = max(slowest, time.perf_counter() - page)
        count += len(names)
        if len(names) < PAGE:
            break
        last = names[-1]
    table.add("all tags of a repository", time.perf_counter() - began, peers_peak(server))
    table.add(f"slowest page of {PAGE:,} tags", slowest)
    if count < store.blobs // 20:
        raise Failure(f"{count} tags were listed of {store.blobs // 20}")
    for name, words in (("search: one match", f"number+{store.blobs // 20}"), ("search: everything", "generated")):
        times = []
        for number in range(ROUNDS):
            began = time.perf_counter()
            get(f"/api/v1/search?q={words}&limit=20&offset={number}")
            times.append(time.perf_counter() - began)
        table.add(name, statistics.median(times), peers_peak(server))


def starts(store, table):
    """How long a server takes until it listens, and a command that opens the store."""
    times = []
    for number in range(ROUNDS):
        began = time.perf_counter()
        server = peers.Rx(store.rx, store.root)
        times.append(time.perf_counter() - began)
        server.stop()
    store.started = statistics.median(times)
    # The newest of half of all tags.
    table.add("rx info of the latest", *medians([store.command("info", f"{stores.BIG}:latest") for _ in range(ROUNDS)]))
    table.add("start of a command (rx info)", *medians([store.command("info", f"{stores.BIG}:v000000") for _ in range(ROUNDS)]))


def verification(store, table):
    """`rx verify --sample`, where this rx has it."""
    if "verify" in run([store.rx, "--help"]):
        table.add("verify --sample 1000", *medians([store.command("verify", "--sample", "1000") for _ in range(ROUNDS)]))


def questions(store, table):
    """What takes the space, and why a blob that is named, and one that is garbage, stay or go."""
    table.add("du", *medians([store.command("du") for _ in range(ROUNDS)]))
    for name, number in (("gc --explain (named)", 1), ("gc --explain (garbage)", 0)):
        digest = stores.digest(stores.content(number))
        table.add(name, *medians([store.command("gc", "--explain", digest) for _ in range(ROUNDS)]))


def measure(rx, root, blobs, table, verdicts):
    store = Store(rx, os.path.join(root, str(blobs)), blobs)
    print(f"{blobs:,} blobs, {max(1, blobs // 10):,} tags: made in {store.generated:.0f} s", file=sys.stderr)
    try:
        starts(store, table)
        collections(store, table, verdicts)
        verification(store, table)
        questions(store, table)
        pushing(store, table, verdicts)
        found, idle = store.in_turns("gc")
        table.add("gc: nothing to do", *medians(idle))
        ratio = statistics.median(each.seconds / find.seconds for find, each in zip(found, idle, strict=True))
        verdicts.append((f"{blobs:,}: gc with nothing to do / find", ratio, COLLECTION, "x"))
        verdicts.append((f"{blobs:,}: memory of a collection", max(table.rows[name].memory[-1] for name in table.rows if name.startswith("gc")), MEMORY, "MiB"))
    finally:
        workload.remove(store.root)


def main():
    parser = argparse.ArgumentParser(description="Shows how the cost of a store grows.")
    parser.add_argument("rx", help="the rx program, a release build")
    parser.add_argument("--quick", action="store_true", help="no store of a million blobs")
    parser.add_argument("--json", metavar="FILE", help="write everything as JSON too")
    parser.add_argument("--folder", metavar="DIR", help="make the stores below this folder (default: that for temporary files)")
    options = parser.parse_args()
    rx = shutil.which(os.path.abspath(options.rx))
    if not rx:
        parser.error(f"{options.rx} is not a program")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sizes = [10_000, 100_000] if options.quick else [10_000, 100_000, 1_000_000]
    root = tempfile.mkdtemp(prefix="rx-scale-", dir=options.folder)
    table, verdicts = Table(), []
    try:
        facts = machine.facts(rx, root)
        for name, value in facts.items():
            print(f"{name:<12} {value}")
        for blobs in sizes:
            measure(rx, root, blobs, table, verdicts)
    except Failure as error:
        print(f"could not be measured: {error}")
        return 1
    finally:
        workload.remove(root)
    table.show(sizes)
    print()
    for name, value, bound, unit in verdicts:
        print(f"{name:<66}{value:>10.3f} {unit:<4} expected <= {bound:g} {'met' if value <= bound else 'not met'}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump({
                "machine": facts, "sizes": sizes, "rows": [vars(row) for row in table.rows.values()],
                "verdicts": [{"name": name, "value": value, "bound": bound, "unit": unit} for name, value, bound, unit in verdicts],
            }, file, indent=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
