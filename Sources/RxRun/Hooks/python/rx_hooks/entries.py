"""What `os.scandir` gives of a folder of a view: entries also for files that are not here yet."""

import os
import stat

from rx_hooks import files


class Entries:
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


class Entry:
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
        files.do(self._place.ensure, self._inside, os.fsdecode(self.path))
        try:
            return os.stat(self.path).st_mode
        except FileNotFoundError:
            # It leads out, or nowhere.
            return 0

    def _complete(self):
        files.do(self._place.complete, self._folder, os.fsdecode(self.path))
