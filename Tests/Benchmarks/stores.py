"""Makes stores of any size quickly: real blobs under their right names, and the rows that rx itself would have written for them.

The schema, and the shape of each row, are those of a small store that rx made: one image is pushed to it through `/v2/`, and its rows are
the pattern for all others.
"""

import hashlib
import json
import multiprocessing
import os
import sqlite3
import time

import peers
from measure import Failure

EMPTY = b"{}"
CONFIG = "application/vnd.oci.empty.v1+json"
LAYER = "application/octet-stream"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
# Every so many-th blob is named by no manifest.
GARBAGE = 10
# The repository that has half of all tags.
BIG = "big/list"


def content(number):
    return b"blob %d of a generated store\n" % number


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def image(name, layers):
    """A manifest whose layers are these blobs' contents."""
    described = [{"mediaType": LAYER, "digest": digest(each), "size": len(each)} for each in layers]
    return json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": {"mediaType": CONFIG, "digest": digest(EMPTY), "size": len(EMPTY)},
        "layers": described, "annotations": {"org.opencontainers.image.description": f"generated image {name}"},
    }).encode()


def put(url, repository, data, path, media_type=LAYER):
    """Uploads a blob, or with another path a manifest."""
    if path == "blob":
        status, headers, body = peers.request(f"{url}/v2/{repository}/blobs/uploads/?digest={digest(data)}", "POST", data, {"Content-Type": LAYER})
    else:
        status, headers, body = peers.request(f"{url}/v2/{repository}/manifests/{path}", "PUT", data, {"Content-Type": media_type})
    if status != 201:
        raise Failure(f"push to {url}: status {status}: {body[:200]!r}")


class Pattern:
    """An empty store, and what rows of one image look like in it."""

    def __init__(self, rx, folder):
        server = peers.Rx(rx, folder)
        try:
            layers = [b"pattern"]
            for each in [EMPTY, *layers]:
                put(server.url, "pattern/image", each, "blob")
            put(server.url, "pattern/image", image("pattern", layers), "pattern", MANIFEST)
        finally:
            server.stop()
        self.data = os.path.join(folder, "data")
        with sqlite3.connect(os.path.join(self.data, "catalog.sqlite")) as catalog:
            catalog.row_factory = sqlite3.Row
            self.manifest = dict(catalog.execute("SELECT * FROM manifests").fetchone())
            self.tag = dict(catalog.execute("SELECT * FROM tags").fetchone())
            self.search = dict(catalog.execute("SELECT * FROM search").fetchone())
            self.now = catalog.execute("SELECT now FROM clock").fetchone()[0]
        catalog.close()


def write_files(work):
    """Writes the blobs of some numbers; gives their digests."""
    blobs, numbers = work
    digests = []
    for number in numbers:
        data = content(number)
        name = hashlib.sha256(data)
        text = name.hexdigest()
        file = os.open(f"{blobs}/{text[:2]}/{text}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
        os.write(file, data)
        os.close(file)
        digests.append(name.digest())
    return digests


def repository(number):
    """Whose an image is: half of all are in one repository, the others in repositories of a hundred."""
    return (BIG, f"v{number:06d}") if number % 2 == 0 else (f"team{number // 200 % 50:02d}/app{number // 200:05d}", f"v{number:06d}")


def make(rx, folder, blobs, tags):
    """Makes a store of so many blobs, one in ten of them garbage, and so many tags. Gives its folder, and the seconds that it took."""
    began = time.monotonic()
    pattern = Pattern(rx, folder)
    root = os.path.join(pattern.data, "blobs", "sha256")
    step = 20_000
    with multiprocessing.Pool(2) as pool:
        work = [(root, range(start, min(start + step, blobs))) for start in range(0, blobs, step)]
        digests = [each for some in pool.imap(write_files, work) for each in some]
        # They end by themselves: one that is killed while it has the lock of the queue leaves the other waiting for it, and this one for that.
        pool.close()
        pool.join()
    catalog = sqlite3.connect(os.path.join(pattern.data, "catalog.sqlite"), isolation_level=None)
    catalog.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; PRAGMA foreign_keys = OFF")
    catalog.execute("BEGIN")
    catalog.executemany(
        "INSERT OR IGNORE INTO blobs VALUES (?, ?, ?)",
        sorted((name, len(content(number)), pattern.now - 7200) for number, name in enumerate(digests)))
    named = [number for number in range(blobs) if number % GARBAGE]
    share = max(1, len(named) // tags)
    fill(catalog, pattern, digests, named, tags, share)
    # As after a quiet hour: no lease lives.
    for statement in ("DELETE FROM leases", "DELETE FROM fresh", "COMMIT", "PRAGMA wal_checkpoint(TRUNCATE)"):
        catalog.execute(statement)
    catalog.close()
    os.sync()
    return pattern.data, time.monotonic() - began


def fill(catalog, pattern, digests, named, tags, share):
    """Writes manifests, what they name, tags and search words."""
    config = hashlib.sha256(EMPTY).digest()
    columns = [each for each in pattern.manifest if each != "id"]
    definition = json.loads(pattern.manifest["definition"])
    manifests, refs, tagged, words = [], [], [], []
    for number in range(tags):
        own = named[number * share:] if number == tags - 1 else named[number * share:(number + 1) * share]
        place, tag = repository(number)
        data = image(f"number {number}", [content(each) for each in own])
        row = dict(pattern.manifest, repository=place, digest=hashlib.sha256(data).digest(), bytes=data, files=len(own))
        row["size"] = len(EMPTY) + sum(len(content(each)) for each in own)
        about = dict(definition, name=place.rsplit("/")[-1], path=place.rsplit("/", 1)[0], description=f"generated image number {number}")
        row["definition"] = json.dumps(about, separators=(",", ":"), sort_keys=True)
        key = number + 2
        manifests.append((key, *(row[each] for each in columns)))
        refs += [(key, digests[each]) for each in own] + [(key, config)]
        tagged.append(("", place, tag, key, pattern.now, pattern.now, number + 2))
        words.append((key, place.rsplit("/")[-1], place.rsplit("/", 1)[0], about["description"], "", pattern.search["type"]))
    names = ", ".join(["id", *columns])
    catalog.executemany(f"INSERT INTO manifests ({names}) VALUES ({', '.join('?' * (len(columns) + 1))})", manifests)
    refs.sort()
    catalog.executemany("INSERT OR IGNORE INTO refs VALUES (?, ?)", refs)
    catalog.executemany("INSERT INTO tags VALUES (?, ?, ?, ?, ?, ?, ?)", tagged)
    catalog.executemany("INSERT INTO search (rowid, name, path, description, keywords, type) VALUES (?, ?, ?, ?, ?, ?)", words)
