"""A view is the folder of one resource: the files that were asked for so far, under their paths. The others come when they are asked for."""

from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import EXTENSION_SUFFIXES, BYTECODE_SUFFIXES, SOURCE_SUFFIXES
from _frozen_importlib_external import ExtensionFileLoader, SourceFileLoader, SourcelessFileLoader, spec_from_file_location
from os import O_CLOEXEC, O_RDONLY, close, environ, fsdecode, makedirs, open as open_file, path as paths, read, stat

from rx_hooks.uses import used

# Folder of all views, with a slash at its end; a view's name in it is the 64 digits of its manifest's digest.
VIEWS = environ["RX_LOADER_VIEWS"].rstrip("/") + "/"
_ROOT_LENGTH = len(VIEWS) + 64
# How a module's file can end; the first that is there is taken.
_SUFFIXES = (*EXTENSION_SUFFIXES, *SOURCE_SUFFIXES, *BYTECODE_SUFFIXES)
_EXTENSIONS = tuple(EXTENSION_SUFFIXES)

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
        # What its files' uses are noted under.
        self._prefix = root[-64:] + "/"
        # Modules that were bound to the resource.
        self.names = set()
        self._files, self._provides, self._links, self._folders = None, frozenset(), frozenset(), None

    @property
    def files(self):
        """The paths of all files and symlinks of the resource, here or not; the host wrote the list beside the folder before it bound anything to it."""
        if self._files is None:
            text = _read(self.root + ".files")
            if text is None:
                # The cache was cleared: with whatever is asked for the host writes the list anew.
                try:
                    self._fetch(".files")
                except Trouble:
                    pass
                text = _read(self.root + ".files")
                if text is None:
                    return frozenset()
            files, _, provides = text.partition("\0\0")
            self._links = frozenset(each[2:] for each in provides.split("\0") if each.startswith("->"))
            self._provides = frozenset(each[7:] for each in provides.split("\0") if each.startswith("python:"))
            self._files = frozenset(each for each in files.split("\0") if each)
        return self._files

    @property
    def has_links(self):
        """Whether any path of the resource is a symlink."""
        return bool(self.files) and bool(self._links)

    def is_link(self, path):
        """Whether a path of the resource is a symlink."""
        return bool(self.files) and path in self._links

    def has_module(self, name, bound):
        """Whether a top-level module is this resource's: it says so, or the module was bound to it. `bound` is the root of what it was bound to."""
        if bound is not None:
            return bound == self.root
        return name in self.names or bool(self.files) and name in self._provides

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
            if not self._files:
                # The list could not be read: it may be, later.
                return folders
            self._folders = folders
        return self._folders

    def ensure(self, path):
        """Makes sure that a file or folder of the resource is here; nothing happens for any other path. Throws `Trouble`."""
        if path not in self.files:
            self._follow(path)
            return
        if exists(self.root + "/" + path):
            self.note(path)
            return
        for each in self.companions(path):
            if not exists(self.root + "/" + each):
                self._fetch(each)
        self._fetch(path)

    def complete(self, folder):
        """Makes sure that all files of a folder are here, and folders for those within, by one request. Throws `Trouble`."""
        is_all_here = True
        for name in self.folders.get(folder, ()):
            path = folder + "/" + name if folder else name
            if path not in self.files:
                self._follow(path)
            elif exists(self.root + "/" + path):
                self.note(path)
            else:
                is_all_here = False
                for each in self.companions(path):
                    if each.rpartition("/")[0] != folder:
                        self.ensure(each)
        if not is_all_here:
            from rx_hooks import host

            host.fetch_folder(self.digest, folder)

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
        if path.endswith(_EXTENSIONS):
            yield from (each for each in self.files if _is_library(each) and each != path)

    def module_file(self, stem):
        """The file that a module would be loaded from, and what loads it; None if there is none. `stem` is its path without an ending."""
        files = self.files
        for start in (stem + "/__init__", stem):
            for suffix, loader in _LOADERS:
                if start + suffix in files:
                    return start + suffix, loader
        return None, None

    def ensure_module(self, file):
        """As `ensure`, for what `module_file` gave: nothing goes before it, so that only an extension module has companions.

        Gives the status of a file that was here.
        """
        status = None
        if not file.endswith(_EXTENSIONS):
            try:
                status = stat(self.root + "/" + file)
            except OSError:
                pass
        if status is None:
            self.ensure(file)
        else:
            used(self._prefix + file)
        return status

    def note(self, path):
        """Writes down the use of a file of the resource that is here, and of those that have to be here with it; nothing for any other path."""
        if path in self.files and used(self._prefix + path):
            for each in self.companions(path):
                used(self._prefix + each)

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
                target = self.target(link)
                if target is not None and target != link:
                    self.ensure(paths.normpath(target + "/" + "/".join(parts[count:])))
                return

    def target(self, link):
        """The path in the resource that one of its symlinks leads to; None where that is elsewhere. Throws `Trouble`."""
        self.ensure(link)
        view, target = at(paths.realpath(self.root + "/" + link))
        return target if view is self else None


class ViewLoader(SourceFileLoader):
    """Loads source as ever; its package's data files are fetched by whoever asks for them through `importlib.resources`."""

    # The file's status, for the first who asks: the finder has just looked. Not one of the attributes that loaders are compared by.
    __slots__ = ("status",)

    def path_stats(self, path):
        status, self.status = getattr(self, "status", None), None
        if status is None or path != self.path:
            return super().path_stats(path)
        # Also of a file that is gone since then: its bytes are the resource's, and it comes again when they are read.
        return {"mtime": status.st_mtime, "size": status.st_size}

    def get_resource_reader(self, name):
        from rx_hooks.resources import reader

        return reader(self, name)


# What Python loads a module's file with.
_LOADERS = (*((each, ExtensionFileLoader) for each in EXTENSION_SUFFIXES), *((each, ViewLoader) for each in SOURCE_SUFFIXES),
            *((each, SourcelessFileLoader) for each in BYTECODE_SUFFIXES))


class FolderFinder:
    """Finds modules in one folder of a view: those of the resource, whatever else is in the folder."""

    def __init__(self, path):
        from rx_hooks import finder

        self.path = path
        self._view, self._folder = at(path)
        if self._view is not None and self._view.has_links and self._folder not in self._view.folders:
            # Through a symlink of the resource.
            view, folder = at(paths.realpath(path))
            if view is self._view:
                self._folder = folder
        self._bound = finder.bound()

    def find_spec(self, name, target=None):
        view = self._view
        if view is None or not self._is_open(name):
            return None
        tail = name.rpartition(".")[2]
        stem, shown = self._folder + "/" + tail if self._folder else tail, self.path + "/" + tail
        try:
            file, loader = view.module_file(stem)
            if file is None and view.is_link(stem):
                # Perhaps to a package.
                stem = view.target(stem)
                if stem not in view.folders:
                    return None
                file, loader = view.module_file(stem)
            status = view.ensure_module(file) if file is not None else None
        except Trouble as trouble:
            raise ImportError(f"cannot load {name!r}: {trouble}", name=name, path=shown) from None
        if file is not None:
            location = shown + file[len(stem):]
            loads = loader(name, location)
            if loader is ViewLoader:
                loads.status = status
            return spec_from_file_location(
                name, location, loader=loads, submodule_search_locations=[shown] if file.startswith(stem + "/") else None)
        if stem in view.folders:
            spec = ModuleSpec(name, None)
            spec.submodule_search_locations = [shown]
            return spec
        return None

    def _is_open(self, name):
        """Whether a module may be looked for here: on the search path itself only what is the resource's own."""
        return "." in name or self._folder not in ("", "src") or self._view.has_module(name, self._bound.get(name))

    def invalidate_caches(self):
        """Nothing is kept: a resource does not change."""

    def iter_modules(self, prefix=""):
        """For `pkgutil`: name and whether it is a package, here or not."""
        found = {}
        for name in self._view.folders.get(self._folder, ()) if self._view else ():
            path = self._folder + "/" + name if self._folder else name
            suffix = next((each for each in _SUFFIXES if name.endswith(each)), None)
            if suffix and not name.startswith("__init__."):
                found.setdefault(name[:-len(suffix)], False)
            elif name.isidentifier() and self._is_package(path):
                found[name] = True
        return [(prefix + name, found[name]) for name in sorted(found) if name.isidentifier() and self._is_open(name)]

    def _is_package(self, path):
        if self._view.is_link(path):
            try:
                path = self._view.target(path)
            except Trouble as trouble:
                raise ImportError(f"cannot look at {self._view.root}/{path}: {trouble}", path=self._view.root + "/" + path) from None
            if path is None:
                return False
        return any(path + "/__init__" + each in self._view.files for each in _SUFFIXES)


def _read(path):
    try:
        number = open_file(path, O_RDONLY | O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        parts = []
        while not parts or parts[-1]:
            parts.append(read(number, 1 << 16))
        return fsdecode(b"".join(parts))
    finally:
        close(number)


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
