"""Measurements of `rx run`: the first use of one module of a large resource, imports that are there already, and a program of 300 modules."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import time

import link
import workload
from measure import Failure, Outcome, Ratio, Series, in_turns, run, wrk
from peers import Rx, request
from serving import rx_environment

PACKAGES, PARTS = 30, 9
# Of the interpreter's: compiled modules are written, and hashes are the same in every run.
PYTHON = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONHASHSEED": "0", "PYTHONNOUSERSITE": "1"}


def source(chance):
    """A module like those of a library: classes, functions, texts."""
    text = "import collections\nimport functools\nimport os\nimport sys\n"
    for number in range(chance.randint(3, 12)):
        text += f'''

class Thing{number}:
    """What thing {number} is good for, in some words."""

    def __init__(self, first, second=None, *others, **options):
        self.first, self.second = first, second
        self.others = [each for each in others if each]
        self.options = dict(options)

    def joined(self, value):
        if value > {number}:
            return functools.reduce(lambda one, two: one + two, self.others, value)
        return {{"first": self.first, "second": self.second, "number": {number}}}

    @property
    def place(self):
        return os.path.join(str(self.first), "name{number}")


def work{number}(count, start={number}, *, table=None):
    """What function {number} computes."""
    for each in range(count):
        if each % 3 == 0:
            start += each
        elif table is not None:
            start -= table.get(each, {number})
    return start, count, [each * 2 for each in range(start)]
'''
    return text


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def package(folder, number):
    """A package of ten modules, two of them in one of its own folders."""
    chance, name = random.Random(number), f"pack{number:02}"
    write(f"{folder}/{name}/__init__.py", "".join(f"from . import part{part}\n" for part in range(PARTS - 3)) + "from .deep import one, two\n")
    for part in range(PARTS - 3):
        write(f"{folder}/{name}/part{part}.py", source(chance))
    write(f"{folder}/{name}/deep/__init__.py", "")
    for each in ("one", "two"):
        write(f"{folder}/{name}/deep/{each}.py", source(chance))
    return name


def publish(arena, server, folder, name):
    home = rx_environment(arena.path("loading-publisher"))
    run([arena.rx, "add", folder, "--quiet"], env=home)
    run([arena.rx, "push", f"{name}:1.0.0", "--registry", server.url, "--quiet"], env=home)


def environment(home, registry):
    return {**os.environ, **PYTHON, "RX_HOME": home, "RX_REGISTRY": registry}


def first_use(arena):
    """One module out of 10,000 files: what the first import of it costs, against pulling the resource and importing from there."""
    rounds = 3 if arena.quick else 7
    folder = arena.path("first-tree")
    workload.tree(folder)
    write(f"{folder}/wanted.py", "VALUE = 1\n")
    workload.write_definition(folder, "wanted", type="module", provides={"python": ["wanted"]})
    server = Rx(arena.rx, arena.folder("first-rx"))
    passed = {"lazy": [], "pull": []}
    try:
        publish(arena, server, folder, "wanted")

        def over(kind, command):
            def round_of(number):
                home = arena.path(f"first-{kind}{number}")
                before = server.requests()
                with link.Link(server.url) as line:
                    os.sync()
                    seconds = timed(command(line.url, home), environment(home, line.url))
                    passed[kind].append((server.requests() - before, (line.up.bytes + line.down.bytes) / 1024))
                return seconds * 1000
            return round_of

        lazy = over("lazy", lambda url, home: [arena.rx, "run", "--allow", "wanted", "--", sys.executable, "-c", "import wanted"])
        pull = over("pull", lambda url, home: [
            "sh", "-c", '"$0" pull wanted:1.0.0 --to "$1" --quiet && PYTHONPATH="$1" "$2" -c "import wanted"', arena.rx, f"{home}-folder", sys.executable])
        found = in_turns(rounds, "ms", {"rx run": lazy, "rx pull --to": pull})
    finally:
        server.stop()
    moved = [Series(f"{series.name}: {what}", unit, [each[place] for each in passed[kind]])
             for series, kind in zip(found, ("lazy", "pull")) for place, what, unit in ((0, "requests", ""), (1, "moved", "KiB"))]
    limit = Series("3 requests", "", [3] * rounds)
    return Outcome(
        "first-use", f"first import of one module of a resource of 10,000 files, {rounds} rounds", [*found, *moved],
        [Ratio(moved[0], limit, "<=", 1), Ratio(found[0], found[1]), Ratio(moved[1], moved[3])],
        ["requests that the registry answered; bytes both ways, heads included; time with the start of rx and of Python"])


def timed(command, env):
    start = time.perf_counter()
    run(command, env=env)
    return time.perf_counter() - start


def bound(arena):
    """Packages that are bound already, in a program's second run: single imports, and the start of a program of 300 modules."""
    rounds = 15 if arena.quick else 41
    site, home = arena.folder("bound-site"), arena.folder("bound-home")
    server = Rx(arena.rx, arena.folder("bound-rx"))
    try:
        names = []
        for number in range(PACKAGES):
            name = package(arena.path(f"bound-{number}"), number)
            names.append(name)
            shutil.copytree(arena.path(f"bound-{number}/{name}"), os.path.join(site, name))
            workload.write_definition(arena.path(f"bound-{number}"), name, type="module", provides={"python": [name]})
            publish(arena, server, arena.path(f"bound-{number}"), name)
        program = os.path.join(arena.path("bound-program"), "program.py")
        write(program, "".join(f"import {name}\n" for name in names))
        rounds_file = os.path.join(arena.path("bound-program"), "rounds.py")
        write(rounds_file, ROUNDS)
        lock = os.path.join(arena.path("bound-program"), "rx.lock")
        host = [arena.rx, "run", "--lock", lock]
        run([*host, "--allow", "pack*", "--record", "--", sys.executable, program], env=environment(home, server.url))
        text = run([*host, "--", sys.executable, rounds_file, str(rounds), site, program, names[5]], env=environment(home, server.url), timeout=300)
        found = {name: Series(name, "ms", values) for name, values in json.loads(text).items()}
        whole = in_turns(rounds, "ms", {
            "rx run -- python3": lambda number: 1000 * timed([*host, "--", sys.executable, program], environment(home, server.url)),
            "python3": lambda number: 1000 * timed([sys.executable, program], {**environment(home, ""), "PYTHONPATH": site}),
        })
    finally:
        server.stop()
    return Outcome(
        "bound", f"{PACKAGES} packages of 10 modules that are bound already, against the same in a folder of the search path, {rounds} rounds",
        [*found.values(), *whole],
        [Ratio(found["later import, bound"], found["later import, local"], "<=", 1.1), Ratio(found["first import, bound"], found["first import, local"]),
         Ratio(found["300 modules, bound"], found["300 modules, local"]), Ratio(whole[0], whole[1], "<=", 1.2)],
        ["an import's time is that of the statement, of ten modules, in a process of its own; the first one in a process loads the hook, later ones find it there",
         "300 modules: the whole process, beneath one rx run; the last pair has the start and end of rx as well"])


# Runs beneath `rx run`, so that the host is there already; its rounds take turns like those of `in_turns`.
ROUNDS = '''
import json, os, subprocess, sys, time

rounds, site, program, name = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
bound = dict(os.environ)
local = {key: value for key, value in bound.items() if not key.startswith("RX_") and key != "PYTHONPATH"}
local["PYTHONPATH"] = site
statement = "import time; {}start = time.perf_counter(); import NAME; print((time.perf_counter() - start) * 1000)".replace("NAME", name)
# What the packages import of Python itself is there before, and for a later import one other package.
first = statement.format("import collections, functools, os; ")
later = statement.format("import collections, functools, os, pack20; ")

def inner(code, environment):
    return float(subprocess.run([sys.executable, "-c", code], env=environment, check=True, stdout=subprocess.PIPE).stdout)

def whole(environment):
    start = time.perf_counter()
    subprocess.run([sys.executable, program], env=environment, check=True)
    return (time.perf_counter() - start) * 1000

contestants = {
    "first import, bound": lambda: inner(first, bound), "first import, local": lambda: inner(first, local),
    "later import, bound": lambda: inner(later, bound), "later import, local": lambda: inner(later, local),
    "300 modules, bound": lambda: whole(bound), "300 modules, local": lambda: whole(local),
}
for each in contestants.values():
    each()
found = {each: [] for each in contestants}
for number in range(rounds):
    names = list(contestants)
    for pair in range(0, len(names), 2):
        for each in names[pair:pair + 2] if number % 2 == 0 else reversed(names[pair:pair + 2]):
            found[each].append(contestants[each]())
print(json.dumps(found))
'''


def dispatch(arena):
    """A warm dispatch of a router in process, against a look-up of the same key in a dictionary."""
    found = json.loads(run([programs(arena), "5" if arena.quick else "15"]))
    routed, looked = (Series(name, "ns", found[name]) for name in ("router", "dictionary"))
    return Outcome("dispatch", f"one of 1,000 routes, warm, {len(routed.values)} rounds", [routed, looked], [Ratio(routed, looked, "<=", 10)])


def programs(arena):
    """The program that measures and serves a router."""
    program = os.path.join(os.path.dirname(arena.rx), "rx-bench")
    if not os.access(program, os.X_OK):
        raise Failure(f"there is no {program} (make bench-programs)")
    return program


def router_rate(arena, seconds):
    """Requests a second to a resource of a router that a program serves by a bridge."""
    served = subprocess.Popen([programs(arena), "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        url = served.stdout.readline().strip()
        status, _, body = request(url)
        if status != 200 or json.loads(body)["body"] != "there":
            raise Failure(f"the bridge answered {status} for {url}")
        return rate(run(["wrk", "-t1", "-c8", f"-d{seconds}s", url], timeout=60))
    finally:
        served.stdin.close()
        served.wait(timeout=30)


def rate(text):
    """The requests a second of a run of wrk in which nothing failed."""
    if re.search(r"Non-2xx|Socket errors", text):
        raise Failure(f"wrk: {text.strip()}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])


def bridge(arena):
    """Requests a second: to a router's bridge, and to the host of a program for what it has bound, and for a file of that."""
    seconds = 2 if arena.quick else 5
    folder, home = arena.folder("bridge-tree"), arena.path("bridge-home")
    write(f"{folder}/small.py", "VALUE = 1\n")
    workload.write_definition(folder, "small", type="module", provides={"python": ["small"]})
    server = Rx(arena.rx, arena.folder("bridge-rx"))
    try:
        publish(arena, server, folder, "small")
        command = '"$1" -c "import small" && for path in v1/modules/python/small r/small/small.py; do wrk -t1 -c8 -d"$2"s "$RX_LOADER/$path" || exit 1; done'
        text = run([arena.rx, "run", "--allow", "small", "--", "sh", "-c", command, "sh", sys.executable, str(seconds)],
                   env=environment(home, server.url), timeout=60)
    finally:
        server.stop()
    rates = [router_rate(arena, seconds), *(rate(part) for part in text.split("Running ")[1:])]
    if len(rates) != 3:
        raise Failure(f"wrk: {text.strip()}")
    found = [Series(name, "1/s", [each]) for name, each in zip(("a route by the bridge", "bind a bound module", "a file by /r/"), rates)]
    limit = Series("1,000 a second", "1/s", [1000.0])
    return Outcome(
        "bridge", f"requests a second by the bridge of a router, and to the host of one program, 8 connections, {seconds} s", found,
        [Ratio(each, limit, ">=", 1) for each in found])


def raw(arena):
    """Requests a second that the registry answers for a file by its path, and for who provides a module, beside the same file as a blob."""
    seconds, rounds = (1, 3) if arena.quick else (3, 5)
    folder = arena.folder("raw-tree")
    write(f"{folder}/lib/small.py", "VALUE = 1\n" * 100)
    workload.write_definition(folder, "small", type="module", provides={"python": ["small"]})
    server = Rx(arena.rx, arena.folder("raw-rx"))
    try:
        publish(arena, server, folder, "small")
        # Others that provide modules: a look-up finds one of many.
        for number in range(20):
            other = arena.folder(f"raw-other{number}")
            write(f"{other}/other{number}.py", "")
            workload.write_definition(other, f"other{number}", type="module", provides={"python": [f"other{number}"]})
            publish(arena, server, other, f"other{number}")
        status, _, body = request(f"{server.url}/api/v1/resource/small%3A1.0.0?files=true")
        if status != 200:
            raise Failure(f"rx answered {status} for small:1.0.0")
        described = json.loads(body)
        digest = next(file["digest"] for file in described["files"] if file["path"] == "lib/small.py")
        paths = {
            "GET /v2/.../blobs": f"/v2/small/blobs/{digest}", "GET /r/ by digest": f"/r/small@{described['manifestDigest']}/lib/small.py",
            "GET /r/ by version": "/r/small:1.0.0/lib/small.py", "GET /api/v1/provides": "/api/v1/provides/python/small",
        }
        found = in_turns(rounds, "requests/s", {name: lambda _, path=path: wrk(server.url + path, seconds) for name, path in paths.items()})
    finally:
        server.stop()
    return Outcome(
        "raw", f"a file of 1,000 bytes by its path and as a blob, and a look-up of a module, wrk -t2 -c64, {rounds} rounds of {seconds} s", found,
        [Ratio(each, found[0]) for each in found[1:]])
