"""Measurements of the command line: adding a large tree, and starting."""

import json
import os
import tempfile
import time

from measure import Outcome, Ratio, in_turns, run, timed
from serving import rx_environment


# What making an empty file takes at most, in microseconds, when the file system is undisturbed.
QUIET = 60


def creation_time(folder):
    """Microseconds that making an empty file takes now, in a few fresh folders."""
    start = time.perf_counter()
    for part in range(20):
        os.makedirs(f"{folder}/{part}")
        for number in range(50):
            os.close(os.open(f"{folder}/{part}/{number}", os.O_CREAT | os.O_WRONLY))
    return (time.perf_counter() - start) / 1000 * 1e6


def settle(arena):
    """Waits, for a while, until making files is as fast as usual; gives a remark when it is not.

    ext4 does not use an inode again soon after its deletion, and looks for another one by one: after somebody deleted many files, up to
    some minutes ago, making files is slow for everybody, most of all for programs that make them in many folders.
    """
    took = []
    end = time.monotonic() + (0 if arena.quick else 60)
    while True:
        took.append(creation_time(tempfile.mkdtemp(prefix="probe", dir=arena.root)))
        if took[-1] < QUIET:
            return []
        if time.monotonic() >= end:
            return [f"DISTURBED: making an empty file takes {took[-1]:.0f} us, usual is below {QUIET}: many files were deleted lately; wait, or set TMPDIR"]
        time.sleep(5)


def add(arena):
    """A tree into a fresh store, by each program that makes one; nothing is deleted meanwhile."""
    folder, size = arena.tree()
    rounds = 2 if arena.quick else 10
    restic = {**os.environ, "RESTIC_PASSWORD": "benchmark", "HOME": arena.folder("restic-home")}

    def repository(number):
        return arena.path(f"restic{number}")

    for number in range(rounds):
        run(["restic", "init", "-q", "--no-cache", "-r", repository(number)], env=restic)

    def rx(number):
        return timed([arena.rx, "add", folder, "--quiet"], env=rx_environment(arena.path(f"add-home{number}")))

    def casync(number):
        os.makedirs(arena.path(f"casync{number}"))
        return timed(["casync", "make", f"--store={arena.path(f'casync{number}/store.castr')}", arena.path(f"casync{number}/tree.caidx"), folder])

    contestants = {
        "rx add": rx,
        "cp -r": lambda number: timed(["cp", "-r", folder, arena.path(f"cp{number}")]),
        "cp -r, then sync -f": lambda number: timed(
            ["sh", "-c", 'cp -r "$1" "$2" && sync -f "$2"', "sh", folder, arena.path(f"cp-sync{number}")]),
        "restic backup": lambda number: timed(["restic", "backup", "-q", "--no-cache", "-r", repository(number), folder], env=restic),
        "casync make": casync,
    }
    remarks = settle(arena)
    # The tree was just written, so everybody reads it from memory.
    first, copy, synced, backup, chunks = series = in_turns(rounds, "s", contestants)
    again, = in_turns(rounds, "s", {"rx add, unchanged": rx})
    return Outcome(
        "add", f"adding 10,000 files, {size / 1e6:.0f} MB, fresh store each time, {rounds} rounds", [*series, again],
        [Ratio(first, copy, "<=", 2), Ratio(first, synced), Ratio(first, backup), Ratio(first, chunks), Ratio(again, first)],
        ["time, less is better; rx and restic return when all is durable, cp -r and casync do not wait for the disk", *remarks])


def start(arena):
    """What a command costs before it does anything."""
    report = arena.path("hyperfine.json")

    def median(command):
        run(["hyperfine", "-N", "--style", "none", "--warmup", "10", "--runs", "100" if arena.quick else "300", "--export-json", report, command])
        with open(report) as file:
            return json.load(file)["results"][0]["median"] * 1000

    rounds = 3 if arena.quick else 5
    rx, git = series = in_turns(
        rounds, "ms", {"rx --version": lambda _: median(f"'{arena.rx}' --version"), "git --version": lambda _: median("git --version")})
    return Outcome("version", f"start-up, hyperfine -N, {rounds} rounds", series, [Ratio(rx, git, "<=", 2)])
