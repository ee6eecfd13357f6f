"""What a program opens, lists or looks at in a view is fetched first: data files beside the modules are there for whoever opens them."""

import errno
import os
import stat
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
        os.stat = _Stat(os.stat)
        os.listdir = _Listdir(os.listdir)
        os.scandir = _Scandir(os.scandir)


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
            _do(folder.complete, rest, path)


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
        here = {os.fsdecode(entry.name) for entry in entries}
        return _Entries(entries + [_Entry(place, rest, path, each) for each in sorted(names) if each not in here])


class _Entries:
    """What `os.scandir` gives: entries to go through once."""

    def __init__(self, entries):
        self._entries = iter(entries)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._entries)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self._entries = iter(())


class _Entry:
    """Stands in for an `os.DirEntry` of what is not here yet. Who wants more than names wants the folder: its files come together."""

    def __init__(self, place, folder, above, name):
        self._place, self._folder = place, folder
        self._inside = folder + "/" + name if folder else name
        if isinstance(above, bytes):
            name = os.fsencode(name)
        self.name, self.path = name, os.path.join(above, name)

    def is_dir(self, *, follow_symlinks=True):
        return stat.S_ISDIR(self._mode(follow_symlinks))

    def is_file(self, *, follow_symlinks=True):
        return stat.S_ISREG(self._mode(follow_symlinks))

    def is_symlink(self):
        return self._place.is_link(self._inside)

    def is_junction(self):
        return False

    def stat(self, *, follow_symlinks=True):
        self._complete()
        return os.stat(self.path, follow_symlinks=follow_symlinks)

    def inode(self):
        return self.stat(follow_symlinks=False).st_ino

    def __fspath__(self):
        self._complete()
        return self.path

    def __repr__(self):
        return f"<DirEntry {self.name!r}>"

    def _mode(self, follow_symlinks):
        if not self.is_symlink():
            return stat.S_IFDIR if self._inside in self._place.folders else stat.S_IFREG
        if not follow_symlinks:
            return stat.S_IFLNK
        _do(self._place.ensure, self._inside, os.fsdecode(self.path))
        try:
            return os.stat(self.path).st_mode
        except FileNotFoundError:
            # It leads out, or nowhere.
            return 0

    def _complete(self):
        _do(self._place.complete, self._folder, os.fsdecode(self.path))


class _Stat(_Function):
    """Stands in for `os.stat`, and with it for `os.path.exists` and the like: sees the files of a resource that are not here yet."""

    def __call__(self, path, *, dir_fd=None, follow_symlinks=True):
        try:
            found = self._real(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
            if type(path) is str and path.startswith(view.VIEWS):
                place, rest = view.at(path)
                if place is not None:
                    place.note(rest)
            return found
        except FileNotFoundError:
            name = _path(path) if dir_fd is None else None
            if name is None or not name.startswith(view.VIEWS) or "__pycache__" in name:
                raise
            use(name)
            return self._real(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
