"""Runs contestants in turns and keeps what each round gave."""

import os
import re
import statistics
import subprocess
import time


class Failure(Exception):
    """A measurement that could not be made, and why."""


def run(command, timeout=120, **options):
    """Runs a command to its end and gives its standard output; a failure carries the command's own words."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, **options)
    except FileNotFoundError as error:
        raise Failure(f"{command[0]} is not installed (make setup-bench)") from error
    except subprocess.TimeoutExpired as error:
        raise Failure(f"{command[0]} took longer than {timeout} s") from error
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))}: exit status {done.returncode}: {(done.stderr or done.stdout).strip()[-400:]}")
    return done.stdout


def timed(command, **options):
    """Seconds that a command takes. What earlier runs wrote is on the disk first, so that nobody pays for another."""
    os.sync()
    start = time.perf_counter()
    run(command, **options)
    return time.perf_counter() - start


class Series:
    """What one contestant gave in each round."""

    def __init__(self, name, unit, values):
        self.name, self.unit, self.values = name, unit, list(values)

    @property
    def median(self):
        return statistics.median(self.values)

    def json(self):
        return {"name": self.name, "unit": self.unit, "median": self.median, "values": self.values}


class Ratio:
    """How one contestant did beside another: the median of the rounds' ratios, and what is expected of it.

    Within a round the two ran one right after the other, so that what disturbs the machine for longer disturbs both and leaves
    their ratio alone; of two medians each may be of another moment.
    """

    def __init__(self, top, bottom, relation=None, bound=None):
        self.top, self.bottom, self.relation, self.bound = top, bottom, relation, bound
        self.rounds = [above / below for above, below in zip(top.values, bottom.values, strict=True)]
        self.value = statistics.median(self.rounds)
        # The middle half of the rounds.
        self.low, _, self.high = statistics.quantiles(self.rounds, n=4) if len(self.rounds) > 1 else [self.value] * 3
        self.met = None
        if relation:
            self.met = self.value >= bound if relation == ">=" else self.value <= bound

    @property
    def expected(self):
        return f"{self.relation} {self.bound:g}" if self.relation else ""

    def json(self):
        return {
            "of": self.top.name, "to": self.bottom.name, "value": self.value, "rounds": self.rounds, "expected": self.expected or None, "met": self.met,
        }


class Outcome:
    """One measurement: its title, its series, its ratios, and remarks that belong beside them."""

    def __init__(self, name, title, series, ratios=(), notes=()):
        self.name, self.title, self.series, self.ratios, self.notes = name, title, list(series), list(ratios), list(notes)

    def json(self):
        return {
            "name": self.name, "title": self.title, "series": [each.json() for each in self.series],
            "ratios": [each.json() for each in self.ratios], "notes": self.notes,
        }


def in_turns(rounds, unit, contestants):
    """Runs A B C, A B C, ... and gives a `Series` for each; `contestants` maps a name to a function of the round's number.

    Every other round goes backwards, so that none always follows the same neighbour.
    """
    values = {name: [] for name in contestants}
    for number in range(rounds):
        names = list(contestants) if number % 2 == 0 else list(reversed(contestants))
        for name in names:
            values[name].append(contestants[name](number))
    return [Series(name, unit, each) for name, each in values.items()]


def wrk(url, seconds, headers=()):
    """Requests a second that wrk gets answered, all of them well."""
    options = [part for header in headers for part in ("-H", header)]
    text = run(["wrk", "-t2", "-c64", f"-d{seconds}s", "--timeout", "10s", *options, url], timeout=seconds + 20)
    bad = re.search(r"(Non-2xx.*|Socket errors.*)", text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if bad or not rate:
        raise Failure(f"wrk {url}: {bad.group(1) if bad else text.strip()}")
    return float(rate.group(1))


def curl(*arguments, status, size=None):
    """Seconds of one transfer by curl's own clock; the answer's status, and its length when given, must be as expected."""
    text = run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{size_download} %{time_total}", *map(str, arguments)])
    code, length, seconds = text.split()
    if int(code) != status or size is not None and int(length) != size:
        raise Failure(f"curl {arguments[-1]}: status {code} and {length} bytes, not {status}{f' and {size}' if size is not None else ''}")
    return float(seconds)
