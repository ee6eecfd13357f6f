"""The data that is stored and sent. The tree is the same on every run; large files are new each time, so that nothing is there already."""

import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import tarfile
import zlib

MEBIBYTE = 1 << 20
TREE_FILES = 10_000
TREE_BYTES = 90 * 1000 * 1000
EMPTY_CONFIG = b"{}"
EMPTY_DIGEST = "sha256:" + hashlib.sha256(EMPTY_CONFIG).hexdigest()


def write_definition(folder, name, **members):
    with open(os.path.join(folder, "resource.json"), "w") as file:
        json.dump({"name": name, "type": "data", "version": "1.0.0", **members}, file)


def random_file(path, size):
    """Bytes that do not compress and were never stored before."""
    with open(path, "wb") as file:
        for _ in range(size // MEBIBYTE):
            file.write(os.urandom(MEBIBYTE))
    return path


def random_resource(folder, name, size):
    """A resource folder with one large random file."""
    os.makedirs(folder)
    write_definition(folder, name)
    random_file(os.path.join(folder, "data.bin"), size)
    return folder


class StoredGzip:
    """A file object that makes a valid gzip stream of stored blocks: what is right for random content."""

    def __init__(self, file):
        self.file, self.deflate, self.sum, self.size = file, zlib.compressobj(0, zlib.DEFLATED, -15), 0, 0
        file.write(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff")

    def write(self, data):
        self.sum, self.size = zlib.crc32(data, self.sum), self.size + len(data)
        self.file.write(self.deflate.compress(data))
        return len(data)

    def close(self):
        self.file.write(self.deflate.flush() + struct.pack("<LL", self.sum, self.size & 0xFFFFFFFF))


def archive(folder, path):
    """A resource folder's content as the tar.gz that a publish takes."""
    with open(path, "wb") as file:
        gzip = StoredGzip(file)
        with tarfile.open(fileobj=gzip, mode="w|", format=tarfile.USTAR_FORMAT, bufsize=MEBIBYTE) as tar:
            tar.add(os.path.join(folder, "data.bin"), "data.bin")
        gzip.close()
    return path


def oci_manifest(size, media_type):
    """An image manifest of `size` bytes, or a little more where it cannot be as short: its one layer is the empty blob."""
    blob = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": EMPTY_DIGEST, "size": len(EMPTY_CONFIG)}
    manifest = {"schemaVersion": 2, "mediaType": media_type, "config": blob, "layers": [blob], "annotations": {"padding": ""}}
    missing = size - len(json.dumps(manifest, separators=(",", ":")))
    manifest["annotations"]["padding"] = "x" * max(0, missing)
    return json.dumps(manifest, separators=(",", ":")).encode()


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(MEBIBYTE):
            digest.update(chunk)
    return "sha256:" + digest.hexdigest()


def tree(folder, files=TREE_FILES, total=TREE_BYTES):
    """A folder of about 90 MB: many small files and some large, two thirds of them like source text, nested one to five deep."""
    chance = random.Random(20240229)
    words = [bytes(chance.choices(b"etaoinshrdlucmfw", k=chance.randint(2, 9))) for _ in range(2000)]
    weights = [chance.lognormvariate(0, 1.6) for _ in range(files)]
    scale = total / sum(weights)
    folders = [""]
    for number in range(files // 20):
        parent = chance.choice(folders)
        folders.append(os.path.join(parent if parent.count("/") < 4 else "", f"part{number}"))
    os.makedirs(folder)
    for each in folders:
        os.makedirs(os.path.join(folder, each), exist_ok=True)
    written = 0
    for number, weight in enumerate(weights):
        size = max(1, int(weight * scale))
        if number % 3 == 2:
            name, content = f"file{number}.bin", chance.randbytes(size)
        else:
            name, content = f"file{number}.txt", text(chance, words, size)
        with open(os.path.join(folder, chance.choice(folders), name), "wb") as file:
            file.write(content)
        written += size
    write_definition(folder, "tree")
    return written


def text(chance, words, size):
    """Lines of words, each file different from the others; long files repeat their lines in another order."""
    lines = [b" ".join(chance.choices(words, k=8)) + b"\n" for _ in range(min(200, size // 40 + 1))]
    parts, length = [], 0
    while length < size:
        chance.shuffle(lines)
        parts += lines
        length += sum(map(len, lines))
    return b"".join(parts)[:size]


def remove(folder):
    """Removes a folder and all in it, several things at a time: a journalling file system mostly waits."""
    subprocess.run(["xargs", "-0", "-P4", "-n1", "rm", "-rf"], input="\0".join(each.path for each in os.scandir(folder)).encode(), check=False)
    shutil.rmtree(folder, ignore_errors=True)
