"""Measurement of a large file that one byte was inserted into, in the middle: what has to be sent or stored again for it."""

import os
import shutil

import costs
import workload
from costs import bounded, cost
from large import size
from link import Link
from measure import Outcome, Ratio, Series, in_turns, run
from peers import Rx
from serving import rx_environment
from transfer import MEMORY_LIMIT

# KiB that rx may send for one byte.
SENT_LIMIT = 256


class Growing:
    """A resource folder with the file; each round's version is the last one's with one byte more in its middle."""

    def __init__(self, arena):
        self.folder, self.version = arena.path("growing"), -1
        workload.random_resource(self.folder, "growing", size(arena))
        self.data = os.path.join(self.folder, "data.bin")

    def become(self, version):
        """The version of a round, made by the first contestant that comes to it."""
        if version == self.version:
            return
        self.version = version
        workload.write_definition(self.folder, "growing", version=f"1.0.{version + 1}")
        middle = os.path.getsize(self.data) // 2
        with open(self.data, "rb") as old, open(f"{self.data}.new", "wb") as new:
            shutil.copyfileobj(Until(old, middle), new, workload.MEBIBYTE)
            new.write(b"!")
            shutil.copyfileobj(old, new, workload.MEBIBYTE)
        os.replace(f"{self.data}.new", self.data)


class Until:
    """A file object that ends at an offset."""

    def __init__(self, file, end):
        self.file, self.end = file, end

    def read(self, size):
        return self.file.read(min(size, self.end - self.file.tell()))


class Peers:
    """restic, borg and casync with stores of their own, their settings as they come; the file is in them before the first round."""

    def __init__(self, arena, file):
        self.file = file
        self.stores = {name: arena.folder(f"growing-{name}") for name in ("restic", "borg", "casync")}
        restic = {**os.environ, "RESTIC_PASSWORD": "benchmark", "HOME": arena.path("growing-restic-home")}
        borg = {**os.environ, "BORG_BASE_DIR": arena.folder("growing-borg-home"), "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}
        place, casync = f"{self.stores['borg']}/repository", self.stores["casync"]
        self.commands = {
            "restic": (["restic", "backup", "-q", "--no-cache", "-r", self.stores["restic"], file], restic),
            "borg": (["borg", "create", f"{place}::{{now:%Y%m%d%H%M%S%f}}", file], borg),
            "casync": (["casync", "make", f"--store={casync}/store.castr", f"{casync}/file.caibx", file], dict(os.environ)),
        }
        run(["restic", "init", "-q", "--no-cache", "-r", self.stores["restic"]], env=restic)
        run(["borg", "init", "--encryption=none", place], env=borg)
        for command, environment in self.commands.values():
            run(command, env=environment, timeout=300)

    def contestants(self, file, added):
        """One for each, that keeps the KiB that its store grew by in `added`."""
        def contestant(name):
            command, environment = self.commands[name]
            kept = added.setdefault(name, {})

            def round_of(number):
                file.become(number)
                before = self.files(name)
                found = cost(command, env=environment)
                after = self.files(name)
                # What was there and is another file now was written again.
                kept[number] = sum(length for path, (length, state) in after.items() if before.get(path) != (length, state)) / 1024
                return found
            return round_of
        return {f"{name}, new version": contestant(name) for name in self.commands}

    def files(self, name):
        """Length and state of each file of a store."""
        found = {}
        for folder, _, names in os.walk(self.stores[name]):
            for each in names:
                state = os.lstat(os.path.join(folder, each))
                found[os.path.join(folder, each)] = (state.st_size, (state.st_ino, state.st_mtime_ns))
        return found


def insert(arena):
    """The new version to a server that has the last one, and to a client that has the last one, through a link that counts."""
    rounds = 1 if arena.quick else 3
    file = Growing(arena)
    publisher, reader = (rx_environment(arena.path(f"growing-{who}")) for who in ("publisher", "reader"))
    server = Rx(arena.rx, arena.folder("growing-server"))
    sent, adds, pulls, added = {}, {}, {}, {}
    try:
        with Link(server.url) as link:
            place = f"{link.url.removeprefix('http://')}/growing"

            def counted(*command, env):
                before = link.passed()
                found = cost([arena.rx, *command, "--quiet"], server, env=env)
                return found, [(after - was) / 1024 for after, was in zip(link.passed(), before)]

            def push(number):
                file.become(number)
                adds[number] = cost([arena.rx, "add", file.folder, "--quiet"], env=publisher)
                found, sent[number] = counted("push", f"growing:1.0.{number + 1}", "--registry", link.url, env=publisher)
                pulls[number] = counted("pull", f"{place}:1.0.{number + 1}", env=reader)
                return found

            run([arena.rx, "add", file.folder, "--quiet"], env=publisher)
            run([arena.rx, "push", "growing:1.0.0", "--registry", link.url, "--quiet"], env=publisher)
            run([arena.rx, "pull", f"{place}:1.0.0", "--quiet"], env=reader)
            peers = Peers(arena, file.data)
            pushed, *others = in_turns(rounds, "", {"rx push, new version": push, **peers.contestants(file, added)})
    finally:
        server.stop()
    for each in (file.folder, *peers.stores.values()):
        shutil.rmtree(each, ignore_errors=True)

    turns = range(rounds)
    pulled = Series("rx pull, new version", "", [pulls[number][0] for number in turns])
    both = costs.seconds(costs.total("rx push, rx add too", Series("", "", [adds[number] for number in turns]), pushed))
    times = [costs.seconds(each) for each in (pushed, pulled, *others)]
    bytes_of = [
        Series(f"rx {verb}: {way}", "KiB", [found[number][place] for number in turns])
        for verb, found in (("push", sent), ("pull", {number: each[1] for number, each in pulls.items()})) for place, way in ((0, "sent"), (1, "received"))]
    grown = [Series(f"{name}: added", "KiB", [each[number] for number in turns]) for name, each in added.items()]
    peaks = costs.memory(pushed, pulled, *others)
    return Outcome(
        "insert", f"one byte inserted in the middle of {size(arena) / workload.MEBIBYTE:.0f} MiB, {rounds} rounds, each on the last one's file",
        [*times[:2], both, *times[2:], *bytes_of, *grown, *peaks],
        [bounded(bytes_of[0], SENT_LIMIT), *(Ratio(bytes_of[0], each) for each in grown),
         *(Ratio(both, each) for each in times[2:]), *(bounded(each, MEMORY_LIMIT) for each in peaks[:4])],
        ["what rx sent was counted by a proxy that its bytes pass in the rounds themselves; added is what is new in a peer's store, its index included",
         "the peers read the file again, as rx add does; rx push sends what rx add stored"])
