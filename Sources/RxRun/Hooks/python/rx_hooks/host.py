"""Asks the host, `rx run`, over HTTP. Only what is not bound or not here yet is asked for; a warm program never loads this."""

import atexit
import os
from _socket import AF_INET, IPPROTO_TCP, MSG_NOSIGNAL, SOCK_STREAM, TCP_NODELAY, socket
from os import fstat

from rx_hooks.view import Trouble

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")

# Connections that nobody uses now. Taking one and giving it back are single steps, so that no lock is held that a signal's handler, or an
# import within, could wait for; threads that find none make one more.
_idle = []


def _close_idle():
    while _idle:
        try:
            _idle.pop().close()
        except IndexError:
            break


os.register_at_fork(after_in_child=_close_idle)
atexit.register(_close_idle)


def bind(name):
    """The root folder of the resource that provides a module. Throws `Trouble`."""
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        raise Trouble("rx: no module has this name, it is not valid Unicode") from None
    line = _get("/v1/modules/python/" + _quoted(encoded), "text/plain")
    try:
        # For processes that start later.
        with open(os.environ["RX_LOADER_BOUND"], "ab", 0) as table:
            table.write(line)
    except (KeyError, OSError):
        pass
    return os.fsdecode(line).rstrip("\n").split("\t")[3]


def fetch(digest, path):
    """Has one file of a resource put in its place. Throws `Trouble`."""
    _get("/v1/files/" + digest + "/" + _quoted(os.fsencode(path)))


def fetch_folder(digest, folder):
    """Has all files of a folder of a resource put in their places; what is not here of them is fetched together. Throws `Trouble`."""
    _get("/v1/folders/" + digest + "/" + _quoted(os.fsencode(folder)))


def _get(path, accept="application/json"):
    address = os.environ.get("RX_LOADER", "")
    scheme, _, rest = address.partition("://")
    place, _, token = rest.partition("/")
    request = f"GET /{token}{path} HTTP/1.1\r\nHost: {place}\r\nAccept: {accept}\r\n\r\n".encode("ascii")
    try:
        status, body = _exchange(place, request)
    except (OSError, ValueError) as error:
        raise Trouble(f"rx: the loader at {scheme}://{place} does not answer, the rx run that started this program may have ended: {error}") from None
    if status == 200:
        return body
    raise Trouble(_explanation(status, body))


def _exchange(place, request):
    # The host closes what was idle for long: then, and only before the first byte, the request goes out again.
    while _idle:
        try:
            connection = _idle.pop()
        except IndexError:
            break
        answer = _ask(connection, None, request)
        if answer is not None:
            return answer
    return _ask(_Connection(), place, request)


def _ask(connection, place, request):
    """Status and body of an answer; None when a connection that was idle, which `place` is None for, is none any more."""
    is_kept = False
    try:
        if place is not None:
            connection.open(place)
            connection.socket.sendall(request, MSG_NOSIGNAL)
            start = b""
        else:
            start = connection.begin(request)
            if not start:
                return None
        status, body, is_kept = _answer(connection.socket, start)
        return status, body
    finally:
        # At once: what an error holds is closed whenever that is let go of.
        if is_kept:
            _idle.append(connection)
        else:
            connection.close()


class _Connection:
    """A connection to the host, and which socket it is: a program may close what it does not know, and open something else under the number."""

    __slots__ = ("socket", "_device", "_inode")

    def __init__(self):
        self.socket = socket(AF_INET, SOCK_STREAM)
        status = fstat(self.socket.fileno())
        self._device, self._inode = status.st_dev, status.st_ino

    def open(self, place):
        """Connects. Throws `OSError`, and `ValueError` for what is no place."""
        host, _, port = place.rpartition(":")
        # What the program has for its own sockets is not meant for this one.
        self.socket.settimeout(None)
        self.socket.connect((host, int(port)))
        self.socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)

    def begin(self, request):
        """The first bytes of an answer, none when the connection is none any more."""
        if not self.is_here():
            return b""
        try:
            self.socket.sendall(request, MSG_NOSIGNAL)
            return self.socket.recv(65536)
        except OSError:
            return b""

    def is_here(self):
        """Whether the number is still this socket's."""
        try:
            status = fstat(self.socket.fileno())
        except OSError:
            return False
        return status.st_ino == self._inode and status.st_dev == self._device

    def close(self):
        """Closes the socket, and nothing that the program has under its number."""
        if self.is_here():
            self.socket.close()
        else:
            self.socket.detach()


def _answer(connection, data):
    while b"\r\n\r\n" not in data:
        data = _more(connection, data)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    length = int(fields["content-length"]) if "content-length" in fields else -1
    if length < 0:
        raise ValueError("its answer has no length")
    while len(body) < length:
        body = _more(connection, body)
    return int(lines[0].split(" ")[1]), body, fields.get("connection", "").lower() != "close"


def _more(connection, data):
    part = connection.recv(65536)
    if not part:
        raise OSError("it closed the connection")
    return data + part


def _explanation(status, body):
    import json

    try:
        answer = json.loads(body)
        text, hint = answer["error"], answer.get("hint")
    except (ValueError, KeyError, TypeError):
        return f"rx: status {status}"
    return f"rx: {text}; {hint}" if hint else f"rx: {text}"


def _quoted(name):
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in name)
