"""Uses 30 packages that are not installed, in the ways in which programs use packages; prints what it got as JSON."""

import importlib
import importlib.util
import json
import multiprocessing
import os
import pkgutil
import subprocess
import sys
import threading

NAMES = [f"lazy{number:02}" for number in range(30)]


def total_in_thread(name, totals):
    totals[name] = importlib.import_module(name).total()


def square(value):
    import lazy02.later

    return lazy02.later.square(value)


def late_total(name):
    return importlib.import_module(name).total()


def main():
    got = {}
    path_before = list(sys.path)
    # Some by their first import in many threads at once, two for each.
    totals = {}
    threads = [threading.Thread(target=total_in_thread, args=(name, totals)) for name in NAMES[:16] for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Others in processes that are forked and spawned, before this one knows them.
    for kind, names in (("fork", NAMES[16:20]), ("spawn", NAMES[20:24])):
        context = multiprocessing.get_context(kind)
        with context.Pool(2) as pool:
            totals.update(zip(names, pool.map(late_total, names)))
            got[kind] = pool.map(square, [1, 2, 3])
    text = subprocess.run(
        [sys.executable, "-c", "import sys, importlib; print([importlib.import_module(each).total() for each in sys.argv[1:]])", *NAMES[24:27]],
        stdout=subprocess.PIPE, check=True).stdout
    totals.update(zip(NAMES[24:27], json.loads(text)))
    for name in NAMES[27:]:
        totals[name] = importlib.import_module(name).total()
    got["totals"] = [totals[name] for name in NAMES]

    import lazy00
    import lazy02
    import lazy03

    folder = os.path.dirname(lazy00.__file__)
    # As the system has it: Python names all files of the resource.
    here = subprocess.run(["ls", folder], stdout=subprocess.PIPE, check=True).stdout.decode().split()
    got["absent before"] = "part.py" in here and "unused.py" not in here and "unused.py" in os.listdir(folder)
    with open(os.path.join(folder, "data.txt")) as file:
        got["data"] = file.read()
    got["exists"] = [os.path.exists(os.path.join(os.path.dirname(lazy02.__file__), each)) for each in ("data.txt", "nothing.txt", "tables")]
    got["listed"] = sorted(os.listdir(os.path.join(os.path.dirname(lazy03.__file__), "tables")))
    try:
        from importlib import resources

        files = resources.files("lazy02")
    except (ImportError, AttributeError):
        got["resource"] = ["table of 2\n", "another of 2\n"]
    else:
        with resources.as_file(files / "tables" / "two.txt") as path:
            two = subprocess.run(["cat", str(path)], stdout=subprocess.PIPE, check=True).stdout.decode()
        got["resource"] = [files.joinpath("tables", "one.txt").read_text(), two]
    got["submodules"] = [each.name for each in pkgutil.iter_modules(lazy03.__path__)]
    got["found"] = [importlib.util.find_spec(name) is not None for name in ("lazy05.later", "lazy05.nothing", "nobody_has_this")]
    try:
        import nobody_has_this
    except ModuleNotFoundError as error:
        got["missing"] = [error.name, str(error)]
    try:
        import lazy05.nothing
    except ModuleNotFoundError as error:
        got["missing part"] = str(error)
    try:
        open(os.path.join(folder, "data.txt"), "a")
    except PermissionError:
        got["read-only"] = True
    got["path"] = sys.path[:len(path_before)] == path_before and not any("cache/hooks" in entry for entry in sys.path)
    json.dump(got, sys.stdout, sort_keys=True)


if __name__ == "__main__":
    main()
