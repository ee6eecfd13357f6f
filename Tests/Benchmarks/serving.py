"""Measurements of the registry server: manifest requests, large downloads, large uploads, and a large tree's way through it."""

import os
import time
import urllib.parse

import workload
from measure import Failure, Outcome, Ratio, Series, curl, in_turns, run, timed, wrk
from peers import request

LARGE = 256 * workload.MEBIBYTE


def rx_environment(home):
    return {**os.environ, "RX_HOME": home, "RX_REGISTRY": ""}


def publish(arena, folder, name, home):
    """Adds a folder in a client's home and pushes it to the rx server."""
    run([arena.rx, "add", folder, "--quiet"], env=rx_environment(home))
    run([arena.rx, "push", f"{name}:1.0.0", "--registry", arena.rx_server.url, "--quiet"], env=rx_environment(home))


def address(arena, route, name):
    return f"{arena.rx_server.url}/api/v1/{route}/{urllib.parse.quote(f'{name}:1.0.0', safe='')}"


def manifest_requests(arena):
    """GET of a small resource's description, against the same number of bytes as a static file and as an OCI manifest."""
    folder = arena.folder("small")
    with open(os.path.join(folder, "content"), "w") as file:
        file.write("hello\n")
    workload.write_definition(
        folder, "small", description="A resource as small as they come, with a description of ordinary length",
        author="rx", license="MIT", keywords=["benchmark", "small"])
    publish(arena, folder, "small", arena.path("small-home"))
    rx_url = address(arena, "resource", "small")
    status, headers, body = request(rx_url)
    if status != 200:
        raise Failure(f"rx answered {status} for {rx_url}")

    with open(os.path.join(arena.nginx.files, "manifest.json"), "wb") as file:
        file.write(body)
    arena.docker.push_blob("bench/small", workload.EMPTY_CONFIG, workload.EMPTY_DIGEST)
    manifest = workload.oci_manifest(len(body), arena.docker.MANIFEST)
    arena.docker.push_manifest("bench/small", "1.0.0", manifest)
    docker_url, accept = f"{arena.docker.url}/v2/bench/small/manifests/1.0.0", f"Accept: {arena.docker.MANIFEST}"

    seconds, rounds = (1, 3) if arena.quick else (3, 5)
    contestants = {
        "rx": lambda _: wrk(rx_url, seconds),
        "nginx": lambda _: wrk(f"{arena.nginx.url}/manifest.json", seconds),
        "docker-registry": lambda _: wrk(docker_url, seconds, [accept]),
    }
    rx, nginx, docker = series = in_turns(rounds, "requests/s", contestants)
    return Outcome(
        "manifest", f"manifest GET, {len(body)} bytes of JSON (docker-registry: {len(manifest)}), wrk -t2 -c64, {rounds} rounds of {seconds} s",
        series, [Ratio(rx, docker, ">=", 20), Ratio(rx, nginx, ">=", 0.5)])


def download(arena):
    """One large archive by curl, the same bytes from every server."""
    folder = workload.random_resource(arena.path("large"), "large", LARGE)
    publish(arena, folder, "large", arena.path("large-home"))
    rx_url = address(arena, "content", "large")
    copy = os.path.join(arena.nginx.files, "archives", "large.tar.gz")
    os.makedirs(os.path.dirname(copy))
    start = time.perf_counter()
    run(["curl", "-sSf", "-o", copy, rx_url])
    building = time.perf_counter() - start
    size, digest = os.path.getsize(copy), workload.sha256(copy)
    run(["curl", "-sSf", "-H", "Content-Type: application/octet-stream", "-T", copy, arena.docker.completed(arena.docker.begin_upload("bench/large"), digest)])

    rounds = 9 if arena.quick else 31
    urls = {
        "rx": rx_url, "nginx": f"{arena.nginx.url}/archives/large.tar.gz", "docker-registry": f"{arena.docker.url}/v2/bench/large/blobs/{digest}",
    }
    contestants = {name: lambda _, url=url: size / curl(url, status=200, size=size) / workload.MEBIBYTE for name, url in urls.items()}
    os.sync()
    for each in contestants.values():
        each(0)
    rx, nginx, docker = series = in_turns(rounds, "MiB/s", contestants)
    return Outcome(
        "download", f"download of {size / workload.MEBIBYTE:.0f} MiB, curl, {rounds} rounds", series,
        [Ratio(rx, nginx, ">=", 1.0), Ratio(rx, docker)],
        [f"rx's archive was built and cached before; that first download took {building:.2f} s"])


def upload(arena):
    """New random content each time, really stored by both."""
    rounds = 1 if arena.quick else 5
    homes, archives, digests = [], [], []
    for number in range(rounds):
        name = f"pushed{number}"
        homes.append(arena.path(f"push-home{number}"))
        run([arena.rx, "add", workload.random_resource(arena.path(name), name, LARGE), "--quiet"], env=rx_environment(homes[-1]))
        content = workload.random_resource(arena.path(f"posted{number}"), f"posted{number}", LARGE)
        archives.append(workload.archive(content, arena.path(f"posted{number}.tar.gz")))
        digests.append(workload.sha256(archives[-1]))

    def push(number):
        command = [arena.rx, "push", f"pushed{number}:1.0.0", "--registry", arena.rx_server.url, "--quiet"]
        return timed(command, env=rx_environment(homes[number]))

    def post(number):
        os.sync()
        return curl(
            "-F", f"locator=posted{number}:1.0.0", "-F", f"manifest=@{os.path.join(arena.path(f'posted{number}'), 'resource.json')}",
            "-F", f"content=@{archives[number]};type=application/gzip", f"{arena.rx_server.url}/api/v1/publish", status=201)

    def docker(number):
        os.sync()
        start = time.perf_counter()
        location = arena.docker.begin_upload(f"bench/posted{number}")
        begun = time.perf_counter() - start
        return begun + curl(
            "-H", "Content-Type: application/octet-stream", "-T", archives[number], arena.docker.completed(location, digests[number]), status=201)

    pushed, posted, peer = series = in_turns(rounds, "s", {"rx push": push, "rx, curl POST": post, "docker-registry": docker})
    return Outcome(
        "publish", f"publish of 256 MiB of new random content, {rounds} rounds", series, [Ratio(pushed, peer), Ratio(posted, peer)],
        ["time, less is better; rx push includes making the archive and the client's start; rx unpacks, checks and syncs before it answers"])


def tree(arena):
    """The 10,000-file tree to the server and back: nobody to compare with, but the server's memory is asked for throughout."""
    folder, home = arena.tree()[0], arena.path("tree-home")
    run([arena.rx, "add", folder, "--quiet"], env=rx_environment(home))
    steps = {}

    def measure(name, action):
        start = time.perf_counter()
        action()
        steps[name] = [time.perf_counter() - start]

    push = [arena.rx, "push", "tree:1.0.0", "--registry", arena.rx_server.url, "--quiet"]
    pull = [arena.rx, "pull", "tree:1.0.0", "--registry", arena.rx_server.url, "--quiet"]
    os.sync()
    measure("rx push", lambda: run(push, env=rx_environment(home)))
    measure("rx push again", lambda: run(push, env=rx_environment(home)))
    os.sync()
    measure("first archive download", lambda: curl(address(arena, "content", "tree"), status=200))
    measure("archive download again", lambda: curl(address(arena, "content", "tree"), status=200))
    os.sync()
    measure("rx pull, fresh home", lambda: run(pull, env=rx_environment(arena.path("tree-pull"))))
    return Outcome(
        "tree", "10,000-file tree through the rx server, once each (no peer; the server's memory is what counts)",
        [Series(name, "s", values) for name, values in steps.items()])
