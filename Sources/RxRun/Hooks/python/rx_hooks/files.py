"""What a program opens, lists or looks at in a view is fetched first: data files beside the modules are there for whoever opens them."""

import errno
import os
import sys

from rx_hooks import view

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_TRUNC | os.O_APPEND
# Events whose first argument is a file that is about to be used, by Python or by the system.
_USES = frozenset(("open", "ctypes.dlopen", "sqlite3.connect"))
# Events of programs that are started: the program and its arguments, which may be files that it reads.
_STARTS = frozenset(("subprocess.Popen", "os.exec", "os.posix_spawn"))
_LISTINGS = frozenset(("os.listdir", "os.scandir"))
# Events of changes: to the first argument, and to what is named second.
_CHANGES = {"os.truncate": 0, "os.chmod": 0, "os.chown": 0, "os.utime": 0, "os.rename": 1, "os.link": 1, "os.symlink": 1}
_IMPORTS = "<frozen importlib._bootstrap_external>"
_watching = False


def watch():
    """From now on what is used in a view is fetched. Before the first module is bound nobody pays for it."""
    global _watching
    if not _watching:
        _watching = True
        sys.addaudithook(_audit)
        os.stat = _Stat(os.stat)
        os.listdir = _Listdir(os.listdir)


def _audit(event, arguments):
    if event in _USES:
        path = _path(arguments[0])
        if path is not None and path.startswith(view.VIEWS) and "/__pycache__/" not in path:
            use(path, event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING)
    elif event in _CHANGES:
        path = _path(arguments[_CHANGES[event]])
        if path is not None and path.startswith(view.VIEWS) and "/__pycache__/" not in path:
            use(path, True)
    elif event in _STARTS:
        values = arguments[1] if isinstance(arguments[1], (list, tuple)) else ()
        for value in (arguments[0], *values):
            path = _path(value) if value is not None else None
            if path is not None and path.startswith(view.VIEWS):
                use(path)
    elif event in _LISTINGS:
        path = _path(arguments[0] if arguments[0] is not None else ".")
        # Python's own finder lists what is here; what is not it need not know.
        if path is not None and (path + "/").startswith(view.VIEWS) and sys._getframe(1).f_code.co_filename not in (_IMPORTS, __file__):
            folder, rest = view.at(path.rstrip("/"))
            if folder is not None and not rest.endswith("__pycache__"):
                _do(folder.complete, rest, path)


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
    _do(place.ensure, rest, path)


def _do(step, rest, path):
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
        for able in (os.supports_fd, os.supports_dir_fd, os.supports_follow_symlinks):
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


class _Stat(_Function):
    """Stands in for `os.stat`, and with it for `os.path.exists` and the like: sees the files of a resource that are not here yet."""

    def __call__(self, path, *, dir_fd=None, follow_symlinks=True):
        try:
            found = self._real(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
            if type(path) is str and path.startswith(view.VIEWS):
                place, rest = view.at(path)
                if place is not None:
                    view.note(place, rest)
            return found
        except FileNotFoundError:
            name = _path(path) if dir_fd is None else None
            if name is None or not name.startswith(view.VIEWS) or "__pycache__" in name:
                raise
            use(name)
            return self._real(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
