"""Writes down which files a program uses without a request, at once and each once a process: nothing is lost however the program ends."""

import os
from os import fsencode, fstat, write

# As the host reads it: what is behind that is not noted any more.
LIMIT = 32 << 20
_path = os.environ.get("RX_LOADER_USES")
# What this process, or those that it was forked from, wrote.
_written = set()
# The file, and which one it is: a program may close what it does not know, and open something else under the number.
_number, _device, _inode = -1, 0, 0


def used(use):
    """Notes the use of `DIGITS/PATH`; false when it was noted before."""
    if use in _written:
        return False
    _written.add(use)
    if _path is not None:
        try:
            number, size = _opened()
            if size < LIMIT:
                write(number, fsencode(use) + b"\0")
        except OSError:
            # The host has ended: nobody reads it any more.
            pass
    return True


def _opened():
    """The file's descriptor and its size, in bytes. Throws `OSError`."""
    global _number, _device, _inode
    # Another thread may set it meanwhile.
    number = _number
    try:
        status = fstat(number)
        if status.st_ino == _inode and status.st_dev == _device:
            return number, status.st_size
    except OSError:
        pass
    number = os.open(_path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    status = fstat(number)
    _number, _device, _inode = number, status.st_dev, status.st_ino
    return number, status.st_size
