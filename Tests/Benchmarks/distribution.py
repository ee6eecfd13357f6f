"""Measurements of the registry's `/v2/`: manifest requests, blob downloads and blob uploads, as any OCI client makes them."""

import os
import socket
import threading
import time
import urllib.parse

import workload
from measure import Failure, Outcome, Ratio, curl, in_turns, wrk
from peers import request

LARGE = 256 * workload.MEBIBYTE
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Uploader:
    """Uploads blobs over one kept connection: POST, then PUT with the bytes, as the specification has it.

    It writes requests as they are and reads no more of an answer than it must: what is measured is the registry.
    """

    def __init__(self, url):
        self.host = urllib.parse.urlsplit(url).netloc
        name, port = self.host.rsplit(":", 1)
        self.socket = socket.create_connection((name, int(port)), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, method, path, body, expected, type="application/octet-stream"):
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nContent-Type: {type}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode() + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            more = self.socket.recv(65536)
            if not more:
                raise Failure(f"{method} {path}: the connection ended")
            answer += more
        top, rest = answer.split(b"\r\n\r\n", 1)
        lines = top.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        while len(rest) < length:
            rest += self.socket.recv(65536)
        if int(lines[0].split()[1]) != expected:
            raise Failure(f"{method} {path}: {lines[0]} {rest[:200]}")
        return headers

    def push(self, repository, data, digest=None):
        digest = digest or workload.digest(data)
        location = self.call("POST", f"/v2/{repository}/blobs/uploads/", b"", 202)["location"]
        path = location[location.index("/v2/"):]
        self.call("PUT", f"{path}{'&' if '?' in path else '?'}digest={digest}", data, 201)
        return digest

    def put_manifest(self, repository, tag, data):
        self.call("PUT", f"/v2/{repository}/manifests/{tag}", data, 201, MANIFEST)


def manifest(arena):
    """GET of one small manifest by its tag from both registries, against the same bytes as a static file."""
    data = workload.oci_manifest(600, MANIFEST)
    for server in (arena.rx_server, arena.docker):
        uploader = Uploader(server.url)
        uploader.push("bench/manifest", workload.EMPTY_CONFIG)
        uploader.put_manifest("bench/manifest", "v1", data)
    with open(os.path.join(arena.nginx.files, "oci-manifest.json"), "wb") as file:
        file.write(data)
    seconds, rounds = (1, 3) if arena.quick else (2, 7)
    accept = f"Accept: {MANIFEST}"
    contestants = {
        "rx": lambda _: wrk(f"{arena.rx_server.url}/v2/bench/manifest/manifests/v1", seconds, [accept]),
        "nginx": lambda _: wrk(f"{arena.nginx.url}/oci-manifest.json", seconds),
        "docker-registry": lambda _: wrk(f"{arena.docker.url}/v2/bench/manifest/manifests/v1", seconds, [accept]),
    }
    rx, nginx, docker = series = in_turns(rounds, "requests/s", contestants)
    return Outcome(
        "v2-manifest", f"GET of a manifest of {len(data)} bytes by tag, wrk -t2 -c64, {rounds} rounds of {seconds} s", series,
        [Ratio(rx, docker, ">=", 40), Ratio(rx, nginx, ">=", 0.8)])


def forget_pages(folder):
    """Drops what the page cache holds of the large files of a folder, so that whoever reads them next brings them in the same way."""
    os.sync()
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if os.path.getsize(path) >= LARGE // 2:
                with open(path, "rb") as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def blob(arena):
    """One large blob by curl, the same bytes from every server."""
    path = workload.random_file(os.path.join(arena.nginx.files, "blob"), LARGE)
    digest = workload.sha256(path)
    for server in (arena.rx_server, arena.docker):
        push_file(server.url, "bench/blob", path, digest)
    urls = {
        "rx": f"{arena.rx_server.url}/v2/bench/blob/blobs/{digest}", "nginx": f"{arena.nginx.url}/blob",
        "docker-registry": f"{arena.docker.url}/v2/bench/blob/blobs/{digest}",
    }
    contestants = {name: lambda _, url=url: LARGE / curl(url, status=200, size=LARGE) / workload.MEBIBYTE for name, url in urls.items()}
    # How a file was written shows in how its pages lie in memory, and so in every later read.
    forget_pages(arena.root)
    for each in contestants.values():
        each(0)
    rounds = 9 if arena.quick else 31
    rx, nginx, docker = series = in_turns(rounds, "MiB/s", contestants)
    return Outcome(
        "v2-blob", f"GET of a blob of 256 MiB, curl, {rounds} rounds", series, [Ratio(rx, nginx, ">=", 1.0), Ratio(rx, docker)])


def small_blob(arena):
    """GET of one blob of 64 KiB, the same bytes from every server."""
    path = workload.random_file(os.path.join(arena.nginx.files, "small-blob"), workload.MEBIBYTE)
    with open(path, "r+b") as file:
        file.truncate(64 << 10)
    digest = workload.sha256(path)
    for server in (arena.rx_server, arena.docker):
        push_file(server.url, "bench/small-blob", path, digest)
    seconds, rounds = (1, 3) if arena.quick else (2, 5)
    contestants = {
        "rx": lambda _: wrk(f"{arena.rx_server.url}/v2/bench/small-blob/blobs/{digest}", seconds),
        "nginx": lambda _: wrk(f"{arena.nginx.url}/small-blob", seconds),
        "docker-registry": lambda _: wrk(f"{arena.docker.url}/v2/bench/small-blob/blobs/{digest}", seconds),
    }
    rx, nginx, docker = series = in_turns(rounds, "requests/s", contestants)
    return Outcome(
        "v2-small-blob", f"GET of a blob of 64 KiB, wrk -t2 -c64, {rounds} rounds of {seconds} s", series,
        [Ratio(rx, nginx, ">=", 1.0), Ratio(rx, docker)])


def push(arena):
    """Blobs that nobody has: many of 64 KiB over four connections, and one of 256 MiB."""
    count, rounds, large_rounds = (200, 3, 1) if arena.quick else (1000, 5, 3)
    files = [workload.random_file(arena.path(f"blob{number}"), LARGE) for number in range(large_rounds)]
    digests = [workload.sha256(path) for path in files]

    def small(server):
        def round_of(number):
            blobs = [(data, workload.digest(data)) for data in (os.urandom(64 << 10) for _ in range(count))]
            os.sync()
            return count / in_parallel(server.url, f"bench/small{number}", blobs)
        return round_of

    def large(server):
        def round_of(number):
            os.sync()
            return LARGE / push_file(server.url, f"bench/large{number}", files[number], digests[number]) / workload.MEBIBYTE
        return round_of

    rx, docker = series = in_turns(rounds, "blobs/s", {"rx": small(arena.rx_server), "docker-registry": small(arena.docker)})
    rx_large, docker_large = more = in_turns(
        large_rounds, "MiB/s", {"rx, 256 MiB": large(arena.rx_server), "docker-registry, 256 MiB": large(arena.docker)})
    return Outcome(
        "v2-push", f"push of {count} blobs of 64 KiB over 4 connections, {rounds} rounds; of one of 256 MiB, {large_rounds} rounds", series + more,
        [Ratio(rx, docker, ">=", 4), Ratio(rx_large, docker_large)],
        ["both answer when the blob is on the disk (fsync); one of 256 MiB is bounded by the disk itself"])


def in_parallel(url, repository, blobs, connections=4):
    """Seconds that some connections need for all of the blobs."""
    uploaders = [Uploader(url) for _ in range(connections)]
    failures = []

    def work(index):
        try:
            for data, digest in blobs[index::connections]:
                uploaders[index].push(repository, data, digest)
        except (Failure, OSError) as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(connections)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise Failure(str(failures[0]))
    return time.perf_counter() - start


def push_file(url, repository, path, digest):
    """Seconds that the upload of a file takes."""
    start = time.perf_counter()
    status, headers, body = request(f"{url}/v2/{repository}/blobs/uploads/", "POST", b"")
    if status != 202:
        raise Failure(f"upload not begun: {status} {body[:200]}")
    location = urllib.parse.urljoin(url, headers["Location"])
    begun = time.perf_counter() - start
    address = f"{location}{'&' if '?' in location else '?'}digest={urllib.parse.quote(digest)}"
    return begun + curl("-H", "Content-Type: application/octet-stream", "-T", path, address, status=201)
