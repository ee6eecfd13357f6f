"""Measurement of the 10,000-file tree's way to a client that has nothing over a slow link: 50 ms and 100 Mbit/s."""

import os

import costs
import link
from adding import settle
from costs import bounded, cost
from materialise import locator, pull_command, whole
from measure import Outcome, Ratio, Series, in_turns, run
from peers import Nginx, Rx
from serving import rx_environment
from transfer import MEMORY_LIMIT

# Seconds each way, and bytes a second.
DELAY, RATE = 0.025, 100e6 / 8


def pull(arena):
    """By rx into its store, by rx into a folder, and as one archive by curl and tar; each through a link of its own, one at a time."""
    rounds = 1 if arena.quick else 5
    trip, first, speed = link.check(DELAY, RATE)
    tree, archive_home = arena.tree()[0], arena.folder("slow-nginx")
    servers = []
    try:
        nginx = Nginx(archive_home)
        servers.append(nginx)
        rx = Rx(arena.rx, arena.folder("slow-rx"))
        servers.append(rx)
        archive = os.path.join(nginx.files, "archives", "tree.tar.gz")
        os.makedirs(os.path.dirname(archive))
        run(["tar", "czf", archive, "-C", tree, "."])
        publisher = rx_environment(arena.path("slow-publisher"))
        run([arena.rx, "add", tree, "--quiet"], env=publisher)
        run([arena.rx, "push", "tree:1.0.0", "--registry", rx.url, "--quiet"], env=publisher)
        remarks = settle(arena)
        passed = {}

        def over(server, name, command):
            """A contestant: a command made of the link's address and the round's number."""
            def round_of(number):
                with link.Link(server.url, DELAY, RATE) as line:
                    found = cost(command(line.url, number), rx if server is rx else None, env=rx_environment(arena.path(f"{name}-home{number}")))
                    passed.setdefault(name, []).append((line.up.bytes / 1024, line.down.bytes / 1024, line.connections))
                return found
            return round_of

        fetch = 'curl -sSf -o "$2.tar.gz" "$1/archives/tree.tar.gz" && mkdir "$2" && tar xzf "$2.tar.gz" -C "$2"'
        found = in_turns(rounds, "", {
            "rx pull": over(rx, "slow-pull", lambda url, number: [arena.rx, "pull", locator(url), "--quiet"]),
            "rx pull --to": over(rx, "slow-to", lambda url, number: pull_command(arena.rx, locator(url), arena.path(f"slow-to{number}"))),
            "curl, tar xzf": over(nginx, "slow-curl", lambda url, number: ["sh", "-c", fetch, "sh", url, arena.path(f"slow-curl{number}")]),
        })
        for number in range(rounds):
            whole(arena, arena.path(f"slow-to{number}"))
    finally:
        for server in servers:
            server.stop()
    times = [costs.seconds(each) for each in found]
    pure = Series("pure transfer", "s", [os.path.getsize(archive) / RATE] * rounds)
    moved = [Series(f"{series.name}: {what}", unit, [each[place] for each in passed[name]])
             for series, name in zip(found, ("slow-pull", "slow-to", "slow-curl"))
             for place, what, unit in ((0, "sent", "KiB"), (1, "received", "KiB"), (2, "connections", ""))]
    peaks = costs.memory(*found)
    return Outcome(
        "slow", f"10,000 files, {os.path.getsize(archive) / 1e6:.1f} MB as tar.gz, over 50 ms and 100 Mbit/s, {rounds} rounds",
        [*times, pure, *moved, *peaks],
        [Ratio(times[0], pure, "<=", 1.3), Ratio(times[1], pure), Ratio(times[2], pure), Ratio(times[1], times[2]), bounded(peaks[0], MEMORY_LIMIT), bounded(peaks[1], MEMORY_LIMIT)],
        [f"the link as it was just measured: round trip {trip * 1000:.1f} ms, {first * 1000:.1f} ms for a connection's first, {speed / 1e6:.2f} MB/s",
         "time, less is better; pure transfer is the tar.gz at 12.5 MB/s without any round trip", *remarks])
