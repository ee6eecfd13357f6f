"""`importlib.resources` for packages in views: real paths, fetched when they become a path for somebody else, as `as_file` and `str` do."""

import pathlib

from rx_hooks import files


class ViewPath(type(pathlib.Path())):
    """A path that exists as soon as somebody gets hold of its name."""

    def __fspath__(self):
        return str(self)

    def __str__(self):
        name = super().__str__()
        files.use(name)
        return name


def reader(loader, name):
    """The resource reader of a package, None for a module that is none."""
    if not loader.is_package(name):
        return None
    return _Reader(loader)


class _Reader:
    """The protocol of `importlib.abc.TraversableResources`, and what came before it."""

    def __init__(self, loader):
        self._folder = ViewPath(loader.path).parent

    def files(self):
        return self._folder

    def resource_path(self, resource):
        return str(self._folder / resource)

    def open_resource(self, resource):
        return open(self._folder / resource, "rb")

    def is_resource(self, path):
        return (self._folder / path).is_file()

    def contents(self):
        return (each.name for each in self._folder.iterdir())
