"""Finds a module that nobody else has: among what is bound, else by asking rx."""

import sys
from _frozen_importlib_external import PathFinder
from os import environ
from time import monotonic

from rx_hooks import view
from rx_hooks.uses import used

_bound = None
# What was not to be had a moment ago is not asked for again at once: the trouble and when, by name.
_missing = {}
_MISSING_SECONDS = 5.0


def bound():
    """Root folders by the names of the modules that were bound when this process first missed one, and those that it had bound since.

    Under `*` is what to say of all others when none of them may be asked for.
    """
    global _bound
    if _bound is None:
        table = {}
        try:
            with open(environ["RX_LOADER_BOUND"], encoding="utf-8") as file:
                for line in file:
                    # The host may be about to write the last line.
                    parts = line.split("\t")
                    if len(parts) == 4 and parts[0] == "python" and line[-1] == "\n":
                        table[parts[1]] = parts[3][:-1]
        except (KeyError, OSError):
            # The table spares requests; without it each module is asked for.
            pass
        _bound = table
    return _bound


def find(name, target):
    """The spec of a top-level module, None when it is not to be had. An import statement hears why not in its error."""
    spec = _ask_later_finders(name, target)
    if spec is not None:
        return spec
    table = bound()
    root = table.get(name)
    if root is None or not view.at(root)[0].files:
        try:
            root = _ask(name, table.get("*"))
        except view.Trouble as trouble:
            if _is_import():
                raise ModuleNotFoundError(f"No module named {name!r} ({trouble})", name=name) from None
            return None
        table[name] = root
    else:
        used(root[-64:] + "//python:" + name)
    view.at(root)[0].names.add(name)
    # The search path is the resource's own folder, and what it keeps its sources in.
    for folder in (root, root + "/src"):
        spec = PathFinder.find_spec(name, [folder], target)
        if spec is not None:
            if folder not in sys.path:
                sys.path.append(folder)
            return spec
    if _is_import():
        raise ModuleNotFoundError(f"No module named {name!r} (rx: the resource that provides it has no {name}.py or {name}/ in it: {root})", name=name)
    return None


def _ask(name, refusal):
    if refusal is not None and name not in bound():
        raise view.Trouble("rx: " + refusal.replace("{}", name))
    trouble, when = _missing.get(name, (None, 0.0))
    if trouble is not None and monotonic() - when < _MISSING_SECONDS:
        raise trouble
    from rx_hooks import host

    try:
        return host.bind(name)
    except view.Trouble as trouble:
        _missing[name] = (view.Trouble(*trouble.args), monotonic())
        raise


def _ask_later_finders(name, target):
    """Those that were put behind ours go first, too."""
    is_later = False
    for finder in list(sys.meta_path):
        if getattr(finder, "__name__", "") == "MissingModules":
            # Of several each would ask the others, and they it.
            is_later = True
        elif is_later and hasattr(finder, "find_spec"):
            spec = finder.find_spec(name, None, target)
            if spec is not None:
                return spec
    return None


def _is_import():
    """Whether an import asks, and not `importlib.util.find_spec`, which has None for an answer."""
    frame = sys._getframe(2)
    for _ in range(6):
        if frame is None:
            return False
        if frame.f_code.co_name == "_find_and_load_unlocked":
            return True
        if frame.f_code.co_name not in ("find_spec", "_find_spec", "find"):
            return False
        frame = frame.f_back
    return False
