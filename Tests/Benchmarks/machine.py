"""What was measured on: without it a number says little."""

import os
import platform
import re
import shutil

from measure import Failure, run


def facts(rx, folder):
    """Name and value of each fact."""
    with open("/proc/meminfo") as file:
        memory = int(re.search(r"MemTotal:\s+(\d+)", file.read()).group(1)) / (1 << 20)
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*:\s*(.*)", file.read())
    load = " ".join(f"{each:.2f}" for each in os.getloadavg())
    system = run(["stat", "-f", "-c", "%T", folder]).strip()
    versions = ", ".join(f"{name} {version(command)}" for name, command in PROGRAMS.items())
    return {
        "cores": f"{len(os.sched_getaffinity(0))}{f' ({model.group(1)})' if model else ''}", "memory": f"{memory:.1f} GiB",
        "kernel": platform.release(), "folder": f"{folder} ({system})", "load before": load,
        "rx": f"{version([rx, '--version'])}, {os.path.getsize(rx) / (1 << 20):.1f} MiB", "peers": versions,
    }


PROGRAMS = {
    "nginx": ["nginx", "-v"], "docker-registry": ["docker-registry", "--version"], "restic": ["restic", "version"], "casync": ["casync", "--version"],
    "borg": ["borg", "--version"], "openssl": ["openssl", "version"], "tar": ["tar", "--version"],
    "wrk": ["wrk", "-v"], "hyperfine": ["hyperfine", "--version"], "curl": ["curl", "--version"], "git": ["git", "--version"],
    "cp": ["cp", "--version"],
}


def version(command):
    """The first number with a dot, or alone, in what a program says of itself."""
    if not shutil.which(command[0]):
        return "missing"
    try:
        # Some say it on standard error, some with a failing status.
        said = run(["sh", "-c", '"$@" 2>&1 || true', "sh", *command], timeout=20)
    except Failure:
        return "unknown"
    found = re.search(r"\d+(\.\d+)+\S*", said) or re.search(r"\d+", said)
    return found.group(0).rstrip(",") if found else "unknown"
