"""What a program opens, lists or looks at in a view is fetched first: data files beside the modules are there for whoever opens them."""

import errno
import os
import sys

from rx_hooks import view

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_TRUNC | os.O_APPEND
_IMPORTS = "<frozen importlib._bootstrap_external>"
_watching = False


def watch():
    """From now on what is used in a view is fetched. Before the first module is bound nobody pays for it."""
    global _watching
    if not _watching:
        _watching = True
        sys.addaudithook(_audit)
        keepers = [getattr(sys.modules[module], name, None) for module, name in _KEEPERS if module in sys.modules]
        for name, stand_in in _STAND_INS.items():
            real = getattr(os, name)
            ours = stand_in(real)
            setattr(os, name, ours)
            for keeper in keepers:
                if getattr(keeper, name, None) is real:
                    setattr(keeper, name, ours)


def _audit(event, arguments):
    step = _STEPS.get(event)
    if step is not None:
        step(arguments)


def _opens(arguments):
    """A file is about to be opened by Python, or by a library of the system, which says nothing of how."""
    path = _path(arguments[0])
    if path is not None and path.startswith(view.VIEWS) and "/__pycache__/" not in path:
        use(path, len(arguments) > 2 and isinstance(arguments[2], int) and arguments[2] & _WRITING)


def _changes(place):
    """The step of an event whose argument of that number is about to be changed."""
    def step(arguments):
        path = _path(arguments[place])
        if path is not None and path.startswith(view.VIEWS) and "/__pycache__/" not in path:
            use(path, True)

    return step


def _starts(arguments):
    """A program is about to be started; its arguments may be files that it reads."""
    values = arguments[1] if isinstance(arguments[1], (list, tuple)) else ()
    for value in (arguments[0], *values):
        path = _path(value) if value is not None else None
        if path is not None and path.startswith(view.VIEWS):
            use(path)


def _lists(arguments):
    path = _path(arguments[0] if arguments[0] is not None else ".")
    # Python's own finder lists what is here; what is not it need not know.
    if path is not None and (path + "/").startswith(view.VIEWS) and sys._getframe(2).f_code.co_filename not in (_IMPORTS, __file__):
        folder, rest = view.at(path.rstrip("/"))
        if folder is not None and not rest.endswith("__pycache__"):
            do(folder.complete, rest, path)


# By the event. Every import raises several that are none of these, so that it matters what they cost.
_STEPS = {
    "open": _opens, "ctypes.dlopen": _opens, "sqlite3.connect": _opens,
    "subprocess.Popen": _starts, "os.exec": _starts, "os.posix_spawn": _starts,
    "os.listdir": _lists, "os.scandir": _lists,
    **dict.fromkeys(("os.truncate", "os.chmod", "os.chown", "os.utime"), _changes(0)),
    **dict.fromkeys(("os.rename", "os.link", "os.symlink"), _changes(1)),
}


def use(path, writing=False):
    """Fetches a file of a view, or makes a folder of it. Throws `OSError`."""
    place, rest = view.at(path)
    if place is None:
        return
    if writing:
        if rest in place.files:
            # It is the same for everybody who uses the resource.
            raise PermissionError(errno.EACCES, "rx: a file of a resource is read-only; copy it to change it", path)
        return
    do(place.ensure, rest, path)


def do(step, rest, path):
    """Calls a function of a view with a path in it. Throws `OSError` with the whole path."""
    try:
        step(rest)
    except view.Trouble as trouble:
        raise OSError(errno.EIO, str(trouble), path) from None


def _path(argument):
    """An absolute path as text; None for a descriptor and the like."""
    if isinstance(argument, str):
        path = argument
    elif isinstance(argument, bytes):
        path = os.fsdecode(argument)
    else:
        try:
            path = os.fsdecode(os.fspath(argument))
        except TypeError:
            return None
    return path if path[:1] == "/" else os.path.abspath(path)


class _Function:
    """Stands in for a function of `os`.

    An object, because a function that a class takes for its own, as `pathlib` once did with `os.stat`, becomes a method.
    """

    __module__ = "os"

    def __init__(self, real):
        self._real = real
        self.__name__ = self.__qualname__ = real.__name__
        self.__doc__ = real.__doc__
        for able in (os.supports_fd, os.supports_dir_fd, os.supports_follow_symlinks, os.supports_effective_ids):
            if real in able:
                able.add(self)


class _Listdir(_Function):
    """Stands in for `os.listdir`: names the files of a resource without fetching them."""

    def __call__(self, path=None):
        name = _path("." if path is None else path)
        if name is None or not (name + "/").startswith(view.VIEWS):
            return self._real(path)
        place, rest = view.at(name.rstrip("/"))
        names = place.folders.get(rest) if place is not None else None
        if names is None:
            return self._real(path)
        try:
            here = self._real(path)
        except FileNotFoundError:
            # A folder of which nothing is here.
            here = []
        if isinstance(path, bytes):
            return list({*here, *map(os.fsencode, names)})
        return list({*here, *names})


class _Scandir(_Function):
    """Stands in for `os.scandir`: has entries for the files of a resource that are not here yet, and fetches nothing."""

    def __call__(self, path=None):
        name = _path("." if path is None else path)
        place, rest = view.at(name.rstrip("/")) if name is not None and (name + "/").startswith(view.VIEWS) else (None, "")
        names = place.folders.get(rest) if place is not None else None
        if names is None:
            return self._real() if path is None else self._real(path)
        path = "." if path is None else os.fspath(path)
        try:
            with self._real(path) as found:
                entries = list(found)
        except FileNotFoundError:
            # A folder of which nothing is here.
            entries = []
        from rx_hooks.entries import Entries, Entry

        here = {os.fsdecode(entry.name) for entry in entries}
        return Entries(entries + [Entry(place, rest, path, each) for each in sorted(names) if each not in here])


class _Look(_Function):
    """Stands in for `os.stat`, and with it for `os.path.exists` and the like: sees the files of a resource that are not here yet."""

    def __call__(self, path, **options):
        try:
            found = self._real(path, **options)
        except FileNotFoundError:
            if not _fetched(path, options):
                raise
            return self._real(path, **options)
        if type(path) is not str or path.startswith(view.VIEWS):
            _note(path)
        return found


class _Access(_Function):
    """Stands in for `os.access`, which says no of what is not here."""

    def __call__(self, path, mode, **options):
        if self._real(path, mode, **options):
            _note(path)
            return True
        return _fetched(path, options) and self._real(path, mode, **options)


def _note(path):
    """Writes down the use of a file that was looked at, if it is in a view."""
    if isinstance(path, int):
        return
    path = os.fsdecode(path)
    if path.startswith(view.VIEWS):
        place, rest = view.at(path)
        if place is not None:
            place.note(rest)


def _fetched(path, options):
    """Fetches what a function did not find; false of what is in no view. Throws `OSError`."""
    name = _path(path) if options.get("dir_fd") is None else None
    if name is None or not name.startswith(view.VIEWS) or "__pycache__" in name:
        return False
    use(name)
    return True


_STAND_INS = {
    "stat": _Look, "lstat": _Look, "readlink": _Look, "access": _Access, "listdir": _Listdir, "scandir": _Scandir,
}
# Classes of Python's library that keep functions of `os` for themselves: `pathlib` up to 3.10, and from 3.13 on.
_KEEPERS = (("pathlib", "_NormalAccessor"), ("glob", "_StringGlobber"))
