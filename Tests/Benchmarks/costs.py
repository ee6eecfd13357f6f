"""What a command costs: wall time, the peak memory of it and of the server it talks to, and what it sent or added."""

import os
import tempfile
import time

from measure import Failure, Ratio, Series, run

MEBIBYTE = 1 << 20


class Cost:
    """One run of one command: `seconds`, `memory` and `server` (the peaks in MiB, None where there is none)."""

    def __init__(self, seconds, memory, server=None):
        self.seconds, self.memory, self.server = seconds, memory, server

    def __add__(self, other):
        """One command after another."""
        return Cost(
            self.seconds + other.seconds, max(self.memory, other.memory), max(filter(None, (self.server, other.server)), default=None))


def cost(command, server=None, **options):
    """Runs a command to its end. What earlier ones wrote is on the disk first, so that nobody pays for another.

    The peak is what wait4 says of the command and its children. GNU time asks for it: it is small itself, while a process that this
    program starts counts this program's own memory as its own until it becomes the command.
    """
    if not os.access("/usr/bin/time", os.X_OK):
        raise Failure("GNU time is not installed (make setup-bench)")
    os.sync()
    if server:
        server.forget_peak()
    with tempfile.NamedTemporaryFile("r", prefix="rx-bench-cost-") as report:
        start = time.perf_counter()
        run(["/usr/bin/time", "-q", "-f", "%M", "-o", report.name, *command], **options)
        seconds = time.perf_counter() - start
        memory = int(report.read()) / 1024
    return Cost(seconds, memory, server.memory()["VmHWM"] / 1024 if server else None)


def seconds(series):
    """A contestant's times out of its costs."""
    return Series(series.name, "s", [each.seconds for each in series.values])


def total(name, first, second):
    """The costs of one thing after another, round by round."""
    return Series(name, "", [one + other for one, other in zip(first.values, second.values, strict=True)])


def memory(*several):
    """The largest peaks in all rounds: of each contestant, and of the server that some of them talked to."""
    peaks = []
    for series in several:
        peaks.append(Series(f"{series.name}: memory", "MiB", [max(each.memory for each in series.values)]))
        if series.values[0].server:
            peaks.append(Series(f"{series.name}: server's", "MiB", [max(each.server for each in series.values)]))
    return peaks


def bounded(series, bound, name=None):
    """Compares a series with what it may be at most."""
    limit = Series(name or f"{bound:g} {series.unit}", series.unit, [bound] * len(series.values))
    return Ratio(series, limit, "<=", 1)


def size(*places):
    """Bytes of the files in folders, and of single files; hard links count once each."""
    found = 0
    for place in places:
        if os.path.isfile(place):
            found += os.path.getsize(place)
        for folder, _, names in os.walk(place):
            found += sum(os.lstat(os.path.join(folder, name)).st_size for name in names)
    return found
