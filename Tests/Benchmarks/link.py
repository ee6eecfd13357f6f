#!/usr/bin/env python3
"""A TCP link on loopback: it counts what passes both ways, and when asked delays and paces it. `link.py` alone checks itself.

Every connection through it shares one lane each way, as connections share a line. It does what distance and bandwidth do: a byte leaves when
the lane is free, arrives after half a round trip, and a connection is there one round trip after it was asked for. It does not lose packets
and has no slow start: what a program needs over it is the least that it would need over such a line.
"""

import queue
import socket
import statistics
import threading
import time
import urllib.parse

from measure import Failure

CHUNK = 16 << 10
# Seconds of bytes that may wait for a lane before whoever sends them has to wait too: the buffer of a router.
BACKLOG = 0.05


class Lane:
    """One direction of a link. Its times are of `time.monotonic`."""

    def __init__(self, delay, rate):
        self.delay, self.rate = delay, rate
        self.bytes, self.free, self.lock = 0, 0.0, threading.Lock()

    def enter(self, size):
        """Takes so many bytes in; gives when they arrive, and returns when the next may come."""
        with self.lock:
            self.bytes += size
            now = time.monotonic()
            self.free = max(now, self.free) + (size / self.rate if self.rate else 0)
            left = self.free
        if left - now > BACKLOG:
            time.sleep(left - now - BACKLOG)
        return left + self.delay


class Link:
    """A listener on a free loopback port whose connections lead to `target`, a URL or a port. Use it in `with`.

    `delay` is in seconds each way, `rate` in bytes a second each way; without them it only counts.
    """

    def __init__(self, target, delay=0.0, rate=None):
        self.port = target if isinstance(target, int) else urllib.parse.urlsplit(target).port
        self.delay, self.rate = delay, rate
        self.up, self.down = Lane(delay, rate), Lane(delay, rate)
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Closing alone does not wake a thread that accepts.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def passed(self):
        """Bytes up and bytes down so far."""
        return self.up.bytes, self.down.bytes

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                if self.listener.fileno() < 0:
                    return
                near.close()
                continue
            self.connections += 1
            for each in (near, far):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # What is sent now meets a connection that is not there yet: the handshake takes a round trip.
            opened = time.monotonic() + 2 * self.delay
            self.carry(near, far, self.up, opened)
            self.carry(far, near, self.down, opened)

    def carry(self, source, sink, lane, opened):
        """Starts what brings the bytes of one direction over."""
        if not lane.rate and not lane.delay:
            threading.Thread(target=pass_on, args=(source, sink, lane), daemon=True).start()
            return
        travelling = queue.SimpleQueue()
        threading.Thread(target=send, args=(source, lane, travelling, opened), daemon=True).start()
        threading.Thread(target=deliver, args=(sink, travelling), daemon=True).start()


def pass_on(source, sink, lane):
    """Brings bytes over at once, and counts them."""
    room = memoryview(bytearray(256 << 10))
    try:
        while size := source.recv_into(room):
            # Counted first: whoever has the bytes may ask for the count at once.
            with lane.lock:
                lane.bytes += size
            sink.sendall(room[:size])
    except OSError:
        pass
    hang_up(sink)


def send(source, lane, travelling, opened):
    """Puts what a program sends on its way."""
    time.sleep(max(0, opened - time.monotonic()))
    try:
        while data := source.recv(CHUNK):
            travelling.put((lane.enter(len(data)), data))
    except OSError:
        pass
    travelling.put((time.monotonic() + lane.delay, b""))


def deliver(sink, travelling):
    """Hands over what has arrived; an end arrives too."""
    try:
        while True:
            arrival, data = travelling.get()
            time.sleep(max(0, arrival - time.monotonic()))
            if not data:
                break
            sink.sendall(data)
    except OSError:
        # Nobody is there any more; what is still sent goes nowhere.
        while travelling.get()[1]:
            pass
    hang_up(sink)


def hang_up(sink):
    try:
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def echo(listener):
    """Answers connections, one after another, with what they send; until one ends that sent much."""
    sent = 0
    while sent < CHUNK:
        peer, _ = listener.accept()
        with peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while data := peer.recv(CHUNK):
                sent += len(data)
                peer.sendall(data)


def connect(link):
    client = socket.create_connection(("127.0.0.1", int(link.url.rsplit(":", 1)[1])), timeout=60)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def round_trips(link):
    """Seconds until a new connection's first byte is back, and its second one."""
    start = time.perf_counter()
    with connect(link) as client:
        client.sendall(b"x")
        client.recv(1)
        first = time.perf_counter()
        client.sendall(b"x")
        client.recv(1)
        return first - start, time.perf_counter() - first


def speed(link, size):
    """Bytes a second that go through both lanes at once, from when the first one is back: two round trips after the connection was asked for."""
    with connect(link) as client:
        sender = threading.Thread(target=lambda: (client.sendall(bytes(size)), client.shutdown(socket.SHUT_WR)), daemon=True)
        start = time.perf_counter()
        sender.start()
        received = 0
        while data := client.recv(CHUNK):
            received += len(data)
        if received != size:
            raise Failure(f"the link lost bytes: {size} sent, {received} back")
        return received / (time.perf_counter() - start - 2 * (link.up.delay + link.down.delay))


def check(delay, rate):
    """Makes such a link and measures it: the seconds of a round trip, of a connection's first one (medians), and bytes a second each way.

    A link that is off by more than a tenth, and what starting threads takes, is a `Failure`.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener, Link(listener.getsockname()[1], delay, rate) as link:
        threading.Thread(target=echo, args=(listener,), daemon=True).start()
        first, second = map(statistics.median, zip(*(round_trips(link) for _ in range(7))))
        size = int(rate * 1.5)
        rates = speed(link, size)
        if link.passed() != (size + 14, size + 14):
            raise Failure(f"the link counts {link.passed()} bytes in place of {size + 14} each way")
    for name, found, wanted, slack in (
            ("round trip", second, 2 * delay, 0.005), ("connection's first round trip", first, 4 * delay, 0.01), ("speed", rates, rate, 0)):
        if abs(found - wanted) > wanted / 10 + slack:
            raise Failure(f"the link is not as wanted: its {name} is {found:.3g} in place of {wanted:.3g}; is the machine busy?")
    return second, first, rates


if __name__ == "__main__":
    print("round trip {:.1f} ms, first one of a connection {:.1f} ms, {:.2f} MB/s".format(*(
        value * scale for value, scale in zip(check(0.025, 12.5e6), (1000, 1000, 1e-6)))))
