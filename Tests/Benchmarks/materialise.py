"""Measurements of getting the 10,000-file tree into a folder: from a registry by a client that has nothing, and from the local store."""

import functools
import os

import costs
from adding import settle
from costs import bounded, cost
from link import Link
from measure import Failure, Outcome, Ratio, Series, in_turns, run
from peers import Rx
from serving import rx_environment
from transfer import MEMORY_LIMIT


@functools.cache
def has_option(rx, command, option):
    """Whether this rx knows an option: a release that does not is measured by what it has."""
    return option in run([rx, command, "--help"])


def pull_command(rx, locator, folder, link=False):
    """What brings a resource into a fresh home and from there into a folder."""
    if has_option(rx, "pull", "--to"):
        return [rx, "pull", locator, "--to", folder, "--quiet", *(["--link"] if link else [])]
    return ["sh", "-c", '"$1" pull "$2" --quiet && "$1" export "$2" "$3" --quiet', "sh", rx, locator, folder]


def locator(url):
    """The tree in the registry of this address."""
    return f"{url.removeprefix('http://')}/tree:1.0.0"


def whole(arena, folder):
    """Fails unless all of the tree is in a folder: who leaves out a part is fast."""
    found, wanted = costs.size(folder), arena.tree()[1]
    if found != wanted:
        raise Failure(f"{folder} holds {found} bytes of the tree's {wanted}")


def git_environment(home):
    """git without anybody's configuration."""
    who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "benchmark"), ("EMAIL", "b@localhost"))}
    return {**os.environ, **who, "HOME": home, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}


class Stored:
    """The tree as each program keeps it: pushed, packed, backed up, chunked."""

    def __init__(self, arena, server):
        self.arena, self.tree = arena, arena.tree()[0]
        home = arena.path("pull-publisher")
        run([arena.rx, "add", self.tree, "--quiet"], env=rx_environment(home))
        run([arena.rx, "push", "tree:1.0.0", "--registry", server.url, "--quiet"], env=rx_environment(home))
        self.archive = arena.path("tree.tar.gz")
        run(["tar", "czf", self.archive, "-C", self.tree, "."])
        self.git = git_environment(arena.folder("pull-git-home"))
        work, self.bare = arena.path("pull-git-work"), arena.path("pull-git-bare")
        run(["git", "init", "-q", work], env=self.git)
        place = ["git", f"--git-dir={work}/.git", f"--work-tree={self.tree}", "-c", "gc.auto=0"]
        run([*place, "add", "-A"], env=self.git)
        run([*place, "commit", "-q", "-m", "tree"], env=self.git)
        run(["git", "clone", "-q", "--bare", f"file://{work}", self.bare], env=self.git)
        self.restic_environment = {**os.environ, "RESTIC_PASSWORD": "benchmark", "HOME": arena.path("pull-restic-home")}
        self.restic = ["restic", "-q", "--no-cache", "-r", arena.path("pull-restic")]
        run([*self.restic, "init"], env=self.restic_environment)
        # From inside, so that it gives back the tree and not the folders above it.
        run([*self.restic, "backup", "."], env=self.restic_environment, cwd=self.tree)
        self.casync = arena.folder("pull-casync")
        run(["casync", "make", f"--store={self.casync}/store.castr", f"{self.casync}/tree.caidx", self.tree])

    def peers(self):
        """Contestants that bring the tree into the folder of a round; none of them has it in a cache of its own."""
        def fresh(name, number):
            return self.arena.folder(f"{name}-out{number}")

        def untar(name, script):
            return lambda number: cost(["sh", "-c", script, "sh", self.archive, fresh(name, number)])

        return {
            "tar xzf": lambda number: cost(["tar", "xzf", self.archive, "-C", fresh("tar", number)]),
            "tar xzf, then sync -f": untar("tar-sync", 'tar xzf "$1" -C "$2" && sync -f "$2"'),
            "git clone": lambda number: cost(["git", "clone", "-q", f"file://{self.bare}", self.arena.path(f"git-out{number}")], env=self.git),
            "restic restore": lambda number: cost(
                [*self.restic, "restore", "latest", "--target", fresh("restic", number)], env=self.restic_environment),
            "casync extract": lambda number: cost(
                ["casync", "extract", f"--store={self.casync}/store.castr", f"{self.casync}/tree.caidx", self.arena.path(f"casync-out{number}")]),
        }


def pull(arena):
    """From the server to a folder by a client with a fresh home; then, by a client that has it, into fresh folders by copy and by link."""
    rounds = 2 if arena.quick else 5
    server = Rx(arena.rx, arena.folder("pull-server"))
    try:
        stored = Stored(arena, server)
        remarks = settle(arena)

        def rx(name, link):
            def round_of(number):
                folder, home = arena.path(f"{name}-out{number}"), arena.path(f"{name}-home{number}")
                found = cost(pull_command(arena.rx, locator(server.url), folder, link), server, env=rx_environment(home))
                whole(arena, folder)
                return found
            return round_of

        contestants = {"rx pull --to": rx("rx-pull", False)}
        if has_option(arena.rx, "pull", "--link"):
            contestants["rx pull --to --link"] = rx("rx-pull-link", True)
        pulled, *others = in_turns(rounds, "", {**contestants, **stored.peers()})
        counted = count(arena, server)
    finally:
        server.stop()
    series = {each.name: costs.seconds(each) for each in (pulled, *others)}
    peaks = costs.memory(pulled, *others)
    mine = series["rx pull --to"]
    rivals = [series[name] for name in stored.peers()]
    return Outcome(
        "pull", f"10,000 files, {arena.tree()[1] / 1e6:.0f} MB, into a fresh folder by a client that has nothing, {rounds} rounds",
        [*series.values(), *counted, *peaks],
        [Ratio(mine, rivals[0], "<=", 1.2), *(Ratio(mine, each) for each in rivals[1:]),
         *(Ratio(series[name], rivals[0]) for name in contestants if name != mine.name),
         bounded(peaks[0], MEMORY_LIMIT), bounded(peaks[1], MEMORY_LIMIT)],
        ["time, less is better; rx writes the tree twice, into its store and into the folder, and syncs its store; tar, casync and restic do not "
         "wait for the disk, git syncs its pack",
         *([] if has_option(arena.rx, "pull", "--to") else ["this rx has no pull --to: it is rx pull and then rx export"]), *remarks])


def count(arena, server):
    """KiB both ways, and requests, of one more pull through a link that counts."""
    asked = server.requests()
    with Link(server.url) as link:
        run(pull_command(arena.rx, locator(link.url), arena.path("counted-out")), env=rx_environment(arena.path("counted-home")))
        up, down = link.passed()
    return [
        Series("rx pull: sent", "KiB", [up / 1024]), Series("rx pull: received", "KiB", [down / 1024]),
        Series("rx pull: requests", "", [server.requests() - asked]), Series("the tree as tar.gz", "KiB", [costs.size(arena.path("tree.tar.gz")) / 1024]),
    ]


def materialise(arena):
    """From the local store into a fresh folder each round: by link and by copy, beside the same of a plain folder."""
    rounds = 3 if arena.quick else 10
    folder, home = arena.tree()[0], arena.path("materialise-home")
    run([arena.rx, "add", folder, "--quiet"], env=rx_environment(home))
    linking = has_option(arena.rx, "export", "--link")
    remarks = settle(arena)

    def export(name, *options):
        def round_of(number):
            found = cost([arena.rx, "export", "tree:1.0.0", arena.path(f"{name}{number}"), "--quiet", *options], env=rx_environment(home))
            whole(arena, arena.path(f"{name}{number}"))
            return found
        return round_of

    def copy(name, option):
        return lambda number: cost(["cp", option, folder, arena.path(f"{name}{number}")])

    contestants = {"rx export": export("export"), "cp -r": copy("copied", "-r"), "cp -al": copy("linked", "-al")}
    if linking:
        contestants = {"rx export --link": export("export-link", "--link"), **contestants}
    found = in_turns(rounds, "", contestants)
    series = {each.name: costs.seconds(each) for each in found}
    ratios = [Ratio(series["rx export"], series["cp -r"])]
    if linking:
        ratios = [Ratio(series["rx export --link"], series["cp -al"], "<=", 1.2), *ratios]
    peaks = costs.memory(*found)
    return Outcome(
        "materialise", f"10,000 files, {arena.tree()[1] / 1e6:.0f} MB, from the local store into a fresh folder, {rounds} rounds",
        [*series.values(), *peaks], [*ratios, bounded(peaks[0], MEMORY_LIMIT)],
        ["time, less is better; cp does not wait for the disk", *([] if linking else ["this rx has no export --link"]), *remarks])
