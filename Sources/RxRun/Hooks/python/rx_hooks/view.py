"""A view is the folder of one resource: the files that were asked for so far, under their paths. The others come when they are asked for."""

import atexit
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import EXTENSION_SUFFIXES, BYTECODE_SUFFIXES, SOURCE_SUFFIXES
from _frozen_importlib_external import ExtensionFileLoader, FileFinder, SourceFileLoader, SourcelessFileLoader
from os import environ, fsdecode, fsencode, makedirs, path as paths, register_at_fork, stat

# Folder of all views, with a slash at its end; a view's name in it is the 64 digits of its manifest's digest.
VIEWS = environ["RX_LOADER_VIEWS"].rstrip("/") + "/"
_ROOT_LENGTH = len(VIEWS) + 64
# How a module's file can end; the first that is there is taken.
_SUFFIXES = (*EXTENSION_SUFFIXES, *SOURCE_SUFFIXES, *BYTECODE_SUFFIXES)

_views = {}


def at(path):
    """The view that an absolute path is in, and the rest of the path; None for any other path."""
    if not path.startswith(VIEWS) or len(path) < _ROOT_LENGTH or path[_ROOT_LENGTH:_ROOT_LENGTH + 1] not in ("", "/"):
        return None, ""
    root = path[:_ROOT_LENGTH]
    view = _views.get(root)
    if view is None:
        # Two threads that come at the same time use the same one.
        view = _views.setdefault(root, View(root))
    rest = path[_ROOT_LENGTH + 1:]
    if rest and ("/." in rest or "//" in rest or rest[0] == "." or rest[-1] == "/"):
        rest = paths.normpath(rest)
    return (None, "") if rest == ".." or rest.startswith("../") else (view, "" if rest == "." else rest)


class Trouble(Exception):
    """Why something is not to be had, and what to do about it: one line for people."""


class View:
    """One resource's folder."""

    def __init__(self, root):
        self.root, self.digest = root, "sha256:" + root[-64:]
        # Modules that the resource is known to provide.
        self.names = set()
        self._files, self._folders = None, None

    @property
    def files(self):
        """The paths of all files and symlinks of the resource, here or not; the host wrote the list beside the folder before it bound anything to it."""
        if self._files is None:
            try:
                with open(self.root + ".files", "rb") as file:
                    self._files = frozenset(fsdecode(file.read()).split("\0")[:-1])
            except FileNotFoundError:
                # A view of a cache that was cleared.
                return frozenset()
        return self._files

    @property
    def folders(self):
        """The paths of all folders of the resource, and the root's, which is empty; each with the names in it."""
        if self._folders is None:
            folders = {"": set()}
            for file in self.files:
                parent, _, name = file.rpartition("/")
                while True:
                    known = parent in folders
                    folders.setdefault(parent, set()).add(name)
                    if known or not parent:
                        break
                    parent, _, name = parent.rpartition("/")
            self._folders = folders
        return self._folders

    def ensure(self, path):
        """Makes sure that a file or folder of the resource is here; nothing happens for any other path. Throws `Trouble`."""
        full = self.root + "/" + path
        if exists(full):
            note(self, path)
            return
        if path not in self.files:
            self._follow(path)
            return
        for each in self.companions(path):
            if not exists(self.root + "/" + each):
                self._fetch(each)
        self._fetch(path)

    def complete(self, folder):
        """Makes sure that all files of a folder are here, and folders for those within: a listing shows what the resource has."""
        for name in self.folders.get(folder, ()):
            self.ensure(folder + "/" + name if folder else name)

    def companions(self, path):
        """The files that have to be here before another is.

        What importing finds first in the whole resource it has to find first among the files that are here: a package goes before a
        module of its name, an extension module before its source. An extension module's own libraries are opened by the system.
        """
        stem = next((path[:-len(suffix)] for suffix in _SUFFIXES if path.endswith(suffix)), None)
        if stem is None:
            return
        if not path.endswith("/__init__" + path[len(stem):]):
            yield from (each for each in (stem + "/__init__" + suffix for suffix in _SUFFIXES) if each in self.files)
        for suffix in _SUFFIXES:
            if stem + suffix == path:
                break
            if stem + suffix in self.files:
                yield stem + suffix
        if path.endswith(tuple(EXTENSION_SUFFIXES)):
            yield from (each for each in self.files if _is_library(each) and each != path)

    def module_files(self, stem):
        """The file of the resource that a module would be loaded from, if there is one; `stem` is its path without an ending."""
        for start in (stem + "/__init__", stem):
            for suffix in _SUFFIXES:
                if start + suffix in self.files:
                    return start + suffix
        return None

    def _fetch(self, path):
        from rx_hooks import host

        host.fetch(self.digest, path)

    def _follow(self, path):
        """A folder that holds nothing yet is made; a path through a symlink leads to what it names."""
        if path in self.folders:
            makedirs(self.root + "/" + path, exist_ok=True)
            return
        parts = path.split("/")
        for count in range(1, len(parts)):
            link = "/".join(parts[:count])
            if link in self.files:
                self.ensure(link)
                view, rest = at(paths.realpath(self.root + "/" + link))
                if view is self and rest != link:
                    self.ensure(paths.normpath(rest + "/" + "/".join(parts[count:])))
                return


# What was used and is not written down yet: for `rx run --record` and `rx routes`.
_uses = set()
_uses_path = environ.get("RX_LOADER_USES")
_is_forked = False


def note(view, path):
    """Remembers the use of a file without a request, for the host, which reads it after the program's end."""
    if _uses_path is None:
        return
    _uses.add(view.root[-64:] + "/" + path)
    # A forked process may end without a word.
    if _is_forked:
        flush()


def flush():
    """Writes down what was used; all at once, so that other processes' notes are whole."""
    global _uses
    uses, _uses = _uses, set()
    if uses:
        try:
            with open(_uses_path, "ab", 0) as file:
                file.write(b"".join(fsencode(use) + b"\0" for use in list(uses)))
        except OSError:
            # The host has ended: nobody reads it any more.
            pass


def _forked():
    global _is_forked
    _is_forked = True


register_at_fork(before=flush, after_in_child=_forked)
atexit.register(flush)


class ViewLoader(SourceFileLoader):
    """Loads source as ever; its package's data files are fetched by whoever asks for them through `importlib.resources`."""

    def get_resource_reader(self, name):
        from rx_hooks.resources import reader

        return reader(self, name)


class FolderFinder:
    """Finds modules in one folder of a view. What is here is found by Python's own finder for folders."""

    def __init__(self, path):
        from rx_hooks import finder

        self.path = path
        self._here = FileFinder(
            path, (ExtensionFileLoader, EXTENSION_SUFFIXES), (ViewLoader, SOURCE_SUFFIXES), (SourcelessFileLoader, BYTECODE_SUFFIXES))
        self._view, self._folder = at(path)
        self._bound = finder.bound()

    def find_spec(self, name, target=None):
        view = self._view
        # A module that is known to be another resource's is not looked for in each root that is on the search path.
        if view is None or not self._folder and self._bound.get(name, view.root) != view.root:
            return None
        spec = self._here.find_spec(name, target)
        if spec is not None and spec.loader is not None:
            note(view, spec.origin[_ROOT_LENGTH + 1:])
            return spec
        tail = name.rpartition(".")[2]
        stem = self._folder + "/" + tail if self._folder else tail
        file = view.module_files(stem)
        if file is not None:
            try:
                view.ensure(file)
            except Trouble as trouble:
                raise ImportError(f"cannot load {name!r}: {trouble}", name=name, path=view.root + "/" + file) from None
            self._here.invalidate_caches()
            return self._here.find_spec(name, target)
        if stem in view.folders and (self._folder or tail in view.names):
            spec = ModuleSpec(name, None)
            spec.submodule_search_locations = [view.root + "/" + stem]
            return spec
        return None

    def invalidate_caches(self):
        self._here.invalidate_caches()

    def iter_modules(self, prefix=""):
        """For `pkgutil`: name and whether it is a package, here or not."""
        found = {}
        for name in self._view.folders.get(self._folder, ()) if self._view else ():
            path = self._folder + "/" + name if self._folder else name
            suffix = next((each for each in _SUFFIXES if name.endswith(each)), None)
            if suffix and not name.startswith("__init__."):
                found.setdefault(name[:-len(suffix)], False)
            elif any(path + "/__init__" + each in self._view.files for each in _SUFFIXES):
                found[name] = True
        return [(prefix + name, found[name]) for name in sorted(found) if name.isidentifier()]


def exists(path):
    """Whether a path leads to something. This is the system's answer: `os.path.exists` would fetch what is not here."""
    try:
        stat(path)
    except (OSError, ValueError):
        return False
    return True


def _is_library(path):
    """A shared library that is no extension module: `libx.so.1`, `libx.so`."""
    name = path.rpartition("/")[2]
    return name.startswith("lib") and (name.endswith(".so") or ".so." in name)
