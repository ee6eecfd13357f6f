"""Measurements of sending the 10,000-file tree: as a whole, unchanged, and with one file changed."""

import os
import shutil

import costs
from adding import settle
from costs import bounded, cost
from link import Link
from measure import Outcome, Ratio, Series, in_turns, run
from peers import Rx
from serving import rx_environment

# MiB that either side of a transfer may have resident.
MEMORY_LIMIT = 64
# The file that changes: one of ordinary size.
CHANGED = "changed.txt"


class Sources:
    """The tree that all contestants send, and its states: as it was, and with one file new in every round."""

    def __init__(self, arena, folder):
        self.folder, self.changes = folder, -1
        shutil.copytree(arena.tree()[0], folder)
        self.write(b"before\n")

    def write(self, content):
        with open(os.path.join(self.folder, CHANGED), "wb") as file:
            file.write(content + b"a line of a file that somebody works on\n" * 200)

    def change(self, number):
        """The change of a round, made by the first contestant that comes to it."""
        if number > self.changes:
            self.changes = number
            self.write(f"round {number}\n".encode())


class RxPush:
    """A home and a server for each round, both fresh. Adding is measured beside pushing: the peers read the tree as well."""

    def __init__(self, arena, source, rounds):
        self.arena, self.source, self.adds = arena, source, {}
        self.servers = []
        try:
            for number in range(rounds):
                self.servers.append(Rx(arena.rx, arena.folder(f"push-server{number}")))
        except BaseException:
            self.stop()
            raise

    def stop(self):
        for server in self.servers:
            server.stop()

    def add(self, home):
        return cost([self.arena.rx, "add", self.source.folder, "--quiet"], env=rx_environment(home))

    def push(self, home, url, server):
        command = [self.arena.rx, "push", "tree:1.0.0", "--registry", url, "--quiet"]
        return cost(command, server, env=rx_environment(home))

    def turn(self, stage):
        """A contestant: adds, which is kept by its stage, and pushes."""
        def round_of(number):
            home, server = self.arena.path(f"push-home{number}"), self.servers[number]
            self.adds.setdefault(stage, {})[number] = self.add(home)
            return self.push(home, server.url, server)
        return round_of

    def with_add(self, stage, series):
        """The same rounds, adding included."""
        adds = Series("", "", [self.adds[stage][number] for number in range(len(series.values))])
        return costs.total(f"{series.name}, rx add too", adds, series)

    def count(self):
        """One more pass of all stages, through a link that counts: KiB both ways, and requests, of each."""
        server, home = Rx(self.arena.rx, self.arena.folder("push-server-counted")), self.arena.path("push-home-counted")
        found = []
        try:
            with Link(server.url) as link:
                for stage in ("cold", "unchanged", "one file"):
                    if stage == "one file":
                        self.source.change(self.source.changes + 1)
                    self.add(home)
                    before, asked = link.passed(), server.requests()
                    self.push(home, link.url, server)
                    up, down = (after - was for after, was in zip(link.passed(), before))
                    found.append((up / 1024, down / 1024, server.requests() - asked))
        finally:
            server.stop()
        return found


class Restic:
    """`restic backup` into a local repository of each round."""

    def __init__(self, arena, source, rounds):
        self.arena, self.source = arena, source
        self.environment = {**os.environ, "RESTIC_PASSWORD": "benchmark", "HOME": arena.path("restic-home")}
        for number in range(rounds):
            run(["restic", "init", "-q", "--no-cache", "-r", self.store(number)], env=self.environment)

    def store(self, number):
        return self.arena.path(f"restic-pushed{number}")

    def backup(self, number):
        return cost(["restic", "backup", "-q", "--no-cache", "-r", self.store(number), self.source.folder], env=self.environment)


class Casync:
    """`casync make` into a store of each round."""

    def __init__(self, arena, source, rounds):
        self.arena, self.source = arena, source
        for number in range(rounds):
            os.makedirs(self.store(number))

    def store(self, number):
        return self.arena.path(f"casync-pushed{number}")

    def make(self, number):
        folder = self.store(number)
        return cost(["casync", "make", f"--store={folder}/store.castr", f"{folder}/tree.caidx", self.source.folder])


def in_stage(rounds, stage, source, rx, restic, casync):
    """The contestants' costs in one stage, and the KiB that the peers' stores grew by."""
    grown = {name: [0.0] * rounds for name in ("restic", "casync")}

    def watched(name, peer, action):
        def round_of(number):
            before = costs.size(peer.store(number))
            found = action(number)
            grown[name][number] = (costs.size(peer.store(number)) - before) / 1024
            return found
        return round_of

    def prepared(action):
        def round_of(number):
            if stage == "one file":
                source.change(number)
            return action(number)
        return round_of

    series = in_turns(rounds, "", {
        f"rx push, {stage}": prepared(rx.turn(stage)),
        f"restic backup, {stage}": prepared(watched("restic", restic, restic.backup)),
        f"casync make, {stage}": prepared(watched("casync", casync, casync.make)),
    })
    return series, [Series(f"{name}, {stage}: added", "KiB", each) for name, each in grown.items()]


def push(arena):
    """The tree to a fresh server, unchanged, and with one file changed; three stages, the contestants in turns within each."""
    rounds = 2 if arena.quick else 5
    source = Sources(arena, arena.path("pushed-tree"))
    rx = RxPush(arena, source, rounds)
    try:
        restic, casync = Restic(arena, source, rounds), Casync(arena, source, rounds)
        remarks = settle(arena)
        cold, cold_sizes = in_stage(rounds, "cold", source, rx, restic, casync)
        again, again_sizes = in_stage(rounds, "unchanged", source, rx, restic, casync)
        one, one_sizes = in_stage(rounds, "one file", source, rx, restic, casync)
        counts = rx.count()
    finally:
        rx.stop()

    times = [costs.seconds(each) for each in (*cold, *again, *one)]
    whole = [costs.seconds(rx.with_add(stage, each[0])) for stage, each in (("cold", cold), ("unchanged", again), ("one file", one))]
    sent = [Series(f"rx, {stage}: {way}", "KiB", [found[place]])
            for stage, found in zip(("cold", "unchanged", "one file"), counts) for place, way in ((0, "sent"), (1, "received"))]
    requests = [Series(f"rx, {stage}: requests", "", [found[2]]) for stage, found in zip(("cold", "unchanged", "one file"), counts)]
    # Those of rx first: each contestant that talks to a server gives two.
    peaks = costs.memory(cold[0], again[0], one[0], *cold[1:])
    return Outcome(
        "push", f"push of 10,000 files, {arena.tree()[1] / 1e6:.0f} MB, to a fresh server each round, {rounds} rounds",
        [*times, *whole, *sent, *cold_sizes, *again_sizes, *one_sizes, *requests, *peaks],
        [
            Ratio(times[0], times[2], "<=", 1), Ratio(times[0], times[1]), Ratio(whole[0], times[2]), Ratio(times[3], times[0], "<=", 0.1),
            Ratio(times[3], times[4]), Ratio(times[3], times[5]), Ratio(times[6], times[7]), Ratio(times[6], times[8]),
            Ratio(sent[2], sent[0]), Ratio(sent[4], sent[0]), bounded(requests[1], 1), bounded(requests[2], 2), *(bounded(each, MEMORY_LIMIT) for each in peaks[:6]),
        ],
        ["time, less is better; rx push sends what rx add stored before, the peers read the tree: see the lines with rx add too",
         "rx, its server and restic return when all is durable, casync does not wait for the disk",
         "what rx sent was counted in a pass of its own, through a counting proxy; the peers' stores are local, what they grew by stands for it",
         *remarks])
