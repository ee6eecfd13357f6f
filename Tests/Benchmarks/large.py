"""Measurements of one file of 1 GiB that nobody has: sending it, and fetching it into a fresh home."""

import os
import shutil

import costs
import workload
from costs import Cost, bounded, cost
from distribution import push_file
from link import Link
from measure import Outcome, Ratio, Series, in_turns, run
from peers import DockerRegistry, Rx
from serving import rx_environment
from transfer import MEMORY_LIMIT


def size(arena):
    return 256 * workload.MEBIBYTE if arena.quick else 1 << 30


class Files:
    """A new file of random bytes for each round, added to a home of its own; both servers get it, the one that comes second as well from memory."""

    def __init__(self, arena):
        self.arena, self.known = arena, {}

    def folder(self, number):
        return self.arena.path(f"giant{number}")

    def data(self, number):
        return os.path.join(self.folder(number), "data.bin")

    def home(self, number):
        return self.arena.path(f"giant-home{number}")

    def make(self, number):
        """Makes and adds it on first use, and gives what adding cost. The peers' source is the same file."""
        if number not in self.known:
            workload.random_resource(self.folder(number), f"giant{number}", size(self.arena))
            self.known[number] = cost([self.arena.rx, "add", self.folder(number), "--quiet"], env=rx_environment(self.home(number)))
        return self.known[number]


def transfer(arena):
    """To rx by its client and to docker-registry by one plain upload, and back from both; the digest alone is the limit."""
    rounds = 1 if arena.quick else 3
    files, servers = Files(arena), []
    try:
        servers.append(DockerRegistry(arena.folder("giant-docker")))
        servers.append(Rx(arena.rx, arena.folder("giant-rx")))
        docker, rx = servers

        def push(number):
            files.make(number)
            return cost([arena.rx, "push", f"giant{number}:1.0.0", "--registry", rx.url, "--quiet"], rx, env=rx_environment(files.home(number)))

        def upload(number):
            files.make(number)
            digest = workload.sha256(files.data(number))
            os.sync()
            docker.forget_peak()
            seconds = push_file(docker.url, f"bench/giant{number}", files.data(number), digest)
            return Cost(seconds, 0, docker.memory()["VmHWM"] / 1024)

        def hashed(number):
            files.make(number)
            return cost(["openssl", "dgst", "-sha256", files.data(number)])

        def copied(number):
            """What the disk takes for a durable file of this length, without network, digest or another process."""
            files.make(number)
            found = cost(["sh", "-c", 'cp "$1" "$2" && sync "$2"', "sh", files.data(number), arena.path("giant-durable")])
            os.remove(arena.path("giant-durable"))
            return found

        pushed = in_turns(rounds, "", {"rx push": push, "docker-registry, curl -T": upload, "openssl dgst": hashed, "cp, then sync": copied})

        def pull(number):
            home = arena.path("giant-pull-home")
            found = cost([arena.rx, "pull", f"{rx.url.removeprefix('http://')}/giant{number}:1.0.0", "--quiet"], rx, env=rx_environment(home))
            shutil.rmtree(home)
            return found

        def download(script):
            def round_of(number):
                url = f"{docker.url}/v2/bench/giant{number}/blobs/{workload.sha256(files.data(number))}"
                found = cost(["sh", "-c", script, "sh", arena.path("giant-copy"), url], docker)
                os.remove(arena.path("giant-copy"))
                return found
            return round_of

        pulled = in_turns(rounds, "", {
            "rx pull": pull, "docker-registry, curl -o": download('curl -sSf -o "$1" "$2"'),
            "docker-registry, curl -o, then sync": download('curl -sSf -o "$1" "$2" && sync "$1"'), "openssl dgst, again": hashed,
        })
        counted = count(arena, files)
    finally:
        for server in servers:
            server.stop()
        for number in range(rounds):
            shutil.rmtree(files.folder(number), ignore_errors=True)

    times = [costs.seconds(each) for each in (*pushed, *pulled)]
    adds = Series("rx add, before", "s", [files.known[number].seconds for number in range(rounds)])
    # curl -T was timed by its own clock; its memory is not what this is about.
    peaks = costs.memory(pushed[0], pulled[0], pulled[1])
    return Outcome(
        "large", f"one file of {size(arena) / workload.MEBIBYTE:.0f} MiB of random bytes to a server and back into a fresh home, {rounds} rounds",
        [*times, adds, *counted, *peaks, Series("docker-registry, push: its memory", "MiB", [max(each.server for each in pushed[1].values)])],
        [Ratio(times[0], times[2], "<=", 2), Ratio(times[0], times[3]), Ratio(times[0], times[1]),
         *(Ratio(times[4], each) for each in (times[7], times[5], times[6])),
         *(bounded(each, MEMORY_LIMIT) for each in peaks[:4])],
        ["time, less is better; both servers answer when the file is on the disk; rx pull checks the digest and returns when it is durable, curl -o does neither"])


def count(arena, files):
    """KiB both ways of one push, of the first round's file to a server that has nothing, and of one pull, through a link that counts."""
    fresh = Rx(arena.rx, arena.folder("giant-counted"))
    found = []
    try:
        with Link(fresh.url) as link:
            run([arena.rx, "push", "giant0:1.0.0", "--registry", link.url, "--quiet"], env=rx_environment(files.home(0)))
            before = link.passed()
            found += [Series("rx push: sent", "KiB", [before[0] / 1024]), Series("rx push: received", "KiB", [before[1] / 1024])]
            run([arena.rx, "pull", f"{link.url.removeprefix('http://')}/giant0:1.0.0", "--quiet"], env=rx_environment(arena.path("giant-counted-home")))
            up, down = (after - was for after, was in zip(link.passed(), before))
            found += [Series("rx pull: sent", "KiB", [up / 1024]), Series("rx pull: received", "KiB", [down / 1024])]
    finally:
        fresh.stop()
    return found
