#!/usr/bin/env python3
"""Writes the sample archives beside this file and ../archive.json, which says what each must give.

Python's standard library only. The output is the same on every machine: tar headers and deflate blocks are written
here, byte by byte, so that neither a tar program nor a version of zlib has a say.

    python3 Specs/vectors/archive/generate.py            write everything
    python3 Specs/vectors/archive/generate.py --check    write nothing; fail when a file differs
"""
import binascii
import hashlib
import json
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
samples = {}
vectors = []


# --- deflate and gzip -------------------------------------------------------------------------------------------------

class Bits:
    """A deflate bit stream: values least significant bit first, Huffman codes most significant bit first."""

    def __init__(self):
        self.out, self.buffer, self.count = bytearray(), 0, 0

    def put(self, value, width):
        self.buffer |= value << self.count
        self.count += width
        while self.count >= 8:
            self.out.append(self.buffer & 255)
            self.buffer >>= 8
            self.count -= 8

    def code(self, value, width):
        self.put(int(format(value, "0%db" % width)[::-1], 2), width)

    def done(self):
        if self.count:
            self.put(0, 8 - self.count)
        return bytes(self.out)


def deflate(data):
    """One block with the fixed codes; runs of one byte become matches of length 258 at distance 1."""
    bits, at = Bits(), 0
    bits.put(1, 1)
    bits.put(1, 2)
    while at < len(data):
        byte = data[at]
        bits.code(0x30 + byte, 8) if byte < 144 else bits.code(0x190 + byte - 144, 9)
        at += 1
        while data[at:at + 258] == bytes([byte]) * 258:
            bits.code(0xC5, 8)  # symbol 285: length 258
            bits.code(0, 5)     # distance 1
            at += 258
    bits.code(0, 7)
    return bits.done()


def gzip(data, flags=0, extra=b"", crc=None, length=None):
    crc = binascii.crc32(data) if crc is None else crc
    length = len(data) if length is None else length
    return b"\x1f\x8b\x08" + bytes([flags]) + b"\0\0\0\0\0\xff" + extra + deflate(data) + struct.pack("<II", crc, length & 0xFFFFFFFF)


# --- tar --------------------------------------------------------------------------------------------------------------

def text(value):
    return value if isinstance(value, bytes) else value.encode()


def header(name, size=0, kind=b"0", mode=0o644, link=b"", prefix=b"", device=(0, 0), magic=b"ustar\x0000", raw_size=None):
    name, link = text(name), text(link)
    assert len(name) <= 100 and len(link) <= 100 and len(prefix) <= 155
    block = bytearray(512)

    def place(at, data):
        block[at:at + len(data)] = data

    place(0, name)
    place(100, b"%07o\0" % mode)
    place(108, b"0000000\0" b"0000000\0")
    place(124, raw_size or b"%011o\0" % size)
    place(136, b"00000000000\0")
    place(148, b" " * 8)
    place(156, kind)
    place(157, link)
    place(257, magic)
    if kind in (b"3", b"4"):
        place(329, b"%07o\0%07o\0" % device)
    place(345, prefix)
    place(148, b"%06o\0 " % sum(block))
    return bytes(block)


def padded(data):
    return data + b"\0" * (-len(data) % 512)


def file(name, content=b"", **more):
    content = text(content)
    return header(name, len(content), **more) + padded(content)


def folder(name):
    return header(name, kind=b"5", mode=0o755)


def symlink(name, target):
    return header(name, kind=b"2", mode=0o777, link=target)


def hardlink(name, target):
    return header(name, kind=b"1", link=target)


def pax(records, kind=b"x"):
    """A pax header: `length key=value\\n` records (POSIX.1-2001)."""
    data = b""
    for key, value in records:
        body = b" " + text(key) + b"=" + text(value) + b"\n"
        length = len(body)
        while len(str(length)) + len(body) != length:
            length = len(str(length)) + len(body)
        data += str(length).encode() + body
    return header("PaxHeader" if kind == b"x" else "pax_global_header", len(data), kind=kind) + padded(data)


def gnu_long(name, kind=b"L"):
    data = text(name) + b"\0"
    return header("././@LongLink", len(data), kind=kind) + padded(data)


END = b"\0" * 1024


def tar(*parts):
    return b"".join(parts) + END


# --- the samples ------------------------------------------------------------------------------------------------------

def sample(label, data):
    samples[label + ".tar.gz"] = data
    return label + ".tar.gz"


def plain(path, content, executable=False):
    content = text(content)
    return {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "executable": executable, "symlink": None}


def link(path, target):
    return {**plain(path, target), "symlink": target}


def tree(files):
    """The tree digest, by Specs/03-manifest."""
    lines = sorted(text("%s:sha256:%s" % (each["path"], each["sha256"])) for each in files)
    return "sha256:" + hashlib.sha256(b"\n".join(lines)).hexdigest()


def good(rule, label, name, data, files, **limits):
    files = sorted(files, key=lambda each: text(each["path"]))
    vectors.append({"rule": rule, "name": name, "file": sample(label, data), **limits, "files": files, "tree": tree(files)})


def bad(rule, label, name, data, contains, entry=None, **limits):
    vector = {"rule": rule, "name": name, "file": sample(label, data), **limits, "error_contains": contains}
    if entry is not None:
        vector["entry"] = entry
    vectors.append(vector)


HELLO = file("hello.txt", "hello world\n")
IS_HELLO = plain("hello.txt", "hello world\n")


def accepted():
    good("ARC-001", "plain", "one file", gzip(tar(HELLO)), [IS_HELLO])
    good("ARC-006", "dot-slash", "a leading ./ and folder entries", gzip(tar(folder("./"), folder("./a/"), file("./a/b.txt", "b"), HELLO)),
         [plain("a/b.txt", "b"), IS_HELLO])
    good("ARC-006", "folder-without-slash", "a folder entry without a final slash", gzip(tar(folder("a"), file("a/b", "b"))), [plain("a/b", "b")])
    good("ARC-006", "folder-after", "a folder entry after its files, and twice", gzip(tar(file("a/b", "b"), folder("a/"), folder("a/"))), [plain("a/b", "b")])
    good("ARC-015", "hard-link", "hard links to earlier files are copies",
         gzip(tar(file("run", "#!/bin/sh\n", mode=0o755), header("d/run2", kind=b"1", mode=0o755, link="./run"), header("run3", kind=b"1", mode=0o755, link="d/run2"))),
         [plain("run", "#!/bin/sh\n", True), plain("d/run2", "#!/bin/sh\n", True), plain("run3", "#!/bin/sh\n", True)])
    long_name = "/".join(["segment-%02d-%s" % (i, "x" * 40) for i in range(12)]) + "/file.txt"
    good("ARC-005", "pax-long-name", "a pax name of %d bytes" % len(long_name), gzip(tar(pax([("path", long_name)]), file("short", "long"))), [plain(long_name, "long")])
    good("ARC-005", "gnu-long-name", "a GNU long name", gzip(tar(gnu_long(long_name), file("short", "long"))), [plain(long_name, "long")])
    target = "t" * 150
    good("ARC-005", "pax-long-link", "a pax symlink target of 150 bytes", gzip(tar(pax([("linkpath", target)]), symlink("s", "short"), HELLO)),
         [link("s", target), IS_HELLO])
    good("ARC-005", "ustar-prefix", "a ustar name in two parts", gzip(tar(file("b" * 90, "b", prefix=b"a" * 100))), [plain("a" * 100 + "/" + "b" * 90, "b")])
    good("ARC-005", "v7", "a tar of before 1988, without magic", gzip(tar(file("hello.txt", "hello world\n", magic=b""))), [IS_HELLO])
    good("ARC-005", "pax-size", "the size in a pax header rules", gzip(tar(pax([("size", "12")]) + header("hello.txt", 0) + padded(b"hello world\n"))), [IS_HELLO])
    good("ARC-023", "pax-global", "a pax global header and unknown keys are passed over",
         gzip(tar(pax([("comment", "0123456789abcdef")], b"g"), pax([("mtime", "1700000000.5"), ("SCHILY.xattr.user.x", "y"), ("uname", "somebody")]), HELLO)), [IS_HELLO])
    whole = tar(file("a", "a" * 1000), HELLO)
    good("ARC-001", "members", "three gzip members, one of them empty", gzip(whole[:700]) + gzip(b"") + gzip(whole[700:]), [plain("a", "a" * 1000), IS_HELLO])
    good("ARC-001", "gzip-name", "a gzip header with a name and an extra field", gzip(tar(HELLO), flags=0x0C, extra=b"\x04\x00abcdname.tar\0"), [IS_HELLO])
    good("ARC-022", "nfc-nfd", "NFC and NFD names side by side", gzip(tar(file("caf\u00e9", "nfc"), file("cafe\u0301", "nfd"))), [plain("caf\u00e9", "nfc"), plain("cafe\u0301", "nfd")])
    good("ARC-009", "utf8", "names of other letters, spaces and quotes", gzip(tar(file("\u6771\u4eac/\U0001f680 \"a\" b", "x"))), [plain("\u6771\u4eac/\U0001f680 \"a\" b", "x")])
    good("ARC-021", "executable", "the owner's executable bit counts, no other", gzip(tar(file("a", "a", mode=0o755), file("b", "b", mode=0o100), file("c", "c", mode=0o655), file("d", "d", mode=0o4744))),
         [plain("a", "a", True), plain("b", "b", True), plain("c", "c"), plain("d", "d", True)])
    good("ARC-013", "symlinks", "symlinks that stay inside", gzip(tar(symlink("bin/tool", "../lib/tool"), file("lib/tool", "t"), symlink("cur", "lib"), symlink("here", "."), symlink("gone", "nowhere"))),
         [link("bin/tool", "../lib/tool"), plain("lib/tool", "t"), link("cur", "lib"), link("here", "."), link("gone", "nowhere")])
    good("ARC-014", "symlink-chain", "through another symlink, upwards, and still inside", gzip(tar(file("a/b/c", "c"), symlink("s", "a/b"), symlink("t", "s/../../hello.txt"), HELLO)),
         [plain("a/b/c", "c"), link("s", "a/b"), link("t", "s/../../hello.txt"), IS_HELLO])
    good("ARC-001", "empty-file", "an empty file", gzip(tar(file("empty"))), [plain("empty", "")])
    good("ARC-024", "record-padding", "zeros to the end of a record of 10,240 bytes", gzip(tar(HELLO) + b"\0" * (10240 - 2048)), [IS_HELLO])
    good("ARC-018", "entries-at-limit", "as many entries as are allowed", gzip(tar(folder("d/"), file("d/a", "1"), file("d/b", "2"))), [plain("d/a", "1"), plain("d/b", "2")], maxEntries=3)
    good("ARC-019", "bytes-at-limit", "as many bytes as are allowed", gzip(tar(file("a", "x" * 600), file("b", "y" * 400))), [plain("a", "x" * 600), plain("b", "y" * 400)], maxUnpackedBytes=1000)
    good("ARC-007", "dots-in-names", "names that begin with dots", gzip(tar(file("...", "1"), file(".hidden/..x", "2"))), [plain("...", "1"), plain(".hidden/..x", "2")])


def refused_names():
    leaves, absolute = "the path leaves the root", "absolute paths are not allowed"
    for label, name, entry, reason in [
        ("absolute", "an absolute path", "/etc/evil", absolute), ("absolute-folder", "an absolute folder", "/evil/", absolute),
        ("parent", "a parent segment in front", "../evil", leaves), ("parent-inside", "a parent segment inside", "a/../../evil", leaves),
        ("parent-harmless", "a parent segment that would stay inside", "a/../evil", leaves), ("parent-only", "nothing but ..", "..", leaves),
        ("parent-dot-slash", "after a leading ./", "./../evil", leaves), ("parent-folder", "a folder entry that leaves", "../evil/", leaves),
    ]:
        data = folder(entry) if entry.endswith("/") or entry == ".." else file(entry, "x")
        # An error shows the name without a leading ./ and, for a folder, without the final slash.
        bad("ARC-007", label, name, gzip(tar(HELLO, data)), reason, entry.removeprefix("./").rstrip("/"))
    bad("ARC-007", "pax-parent", "a pax name that leaves the root, over a harmless one", gzip(tar(HELLO, pax([("path", "../evil")]), file("harmless", "x"))), leaves, "../evil")
    bad("ARC-007", "pax-absolute", "an absolute pax name", gzip(tar(HELLO, pax([("path", "/etc/evil")]), file("harmless", "x"))), absolute, "/etc/evil")
    bad("ARC-007", "empty-name", "an empty name", gzip(tar(HELLO, file("", "x"))), "entry \"\"", "")
    bad("ARC-007", "double-slash", "an empty segment", gzip(tar(HELLO, file("a//evil", "x"))), "a segment is empty or '.'", "a//evil")
    bad("ARC-008", "long-segment", "a segment of 256 bytes", gzip(tar(HELLO, pax([("path", "e" * 256)]), file("short", "x"))), "a segment is longer than 255 bytes", "e" * 256)
    long_path = "/".join(["d" * 15] * 256) + "xx"
    bad("ARC-008", "long-path", "a path of 4097 bytes", gzip(tar(HELLO, pax([("path", long_path)]), file("short", "x"))), "the path is longer than 4096 bytes", long_path)
    bad("ARC-009", "latin1", "a name that is not UTF-8", gzip(tar(HELLO, file(b"ev\xefl", "x"))), "UTF-8", "ev\ufffdl")
    bad("ARC-009", "overlong", "an over-long slash", gzip(tar(HELLO, file(b"a\xc0\xafevil", "x"))), "UTF-8", "a\ufffd\ufffdevil")
    bad("ARC-009", "surrogate", "an encoded surrogate", gzip(tar(HELLO, file(b"ev\xed\xa0\x80il", "x"))), "UTF-8", "ev\ufffd\ufffd\ufffdil")
    bad("ARC-009", "latin1-pax", "a pax name that is not UTF-8", gzip(tar(HELLO, pax([("path", b"ev\xefl")]), file("short", "x"))), "UTF-8", "ev\ufffdl")
    bad("ARC-009", "latin1-target", "a symlink target that is not UTF-8", gzip(tar(HELLO, symlink("evil", b"t\xe9xt"))), "the symlink's target is not UTF-8", "evil")
    bad("ARC-010", "newline", "a newline in a name", gzip(tar(HELLO, file("ev\nil", "x"))), "a name may not hold a newline or NUL", "ev\nil")
    bad("ARC-010", "newline-pax", "a newline in a pax name", gzip(tar(HELLO, pax([("path", "ev\nil")]), file("short", "x"))), "a name may not hold a newline or NUL", "ev\nil")
    bad("ARC-010", "nul-pax", "a NUL in a pax name", gzip(tar(HELLO, pax([("path", b"hello\0.evil")]), file("short", "x"))), "a name may not hold a newline or NUL", "hello\0.evil")
    bad("ARC-011", "twice", "a name twice", gzip(tar(file("evil", "1"), HELLO, file("evil", "2"))), "the name appears twice", "evil")
    bad("ARC-011", "twice-same", "a name twice with the same bytes", gzip(tar(file("evil", "1"), HELLO, file("evil", "1"))), "the name appears twice", "evil")
    bad("ARC-011", "twice-dot-slash", "a name twice, once with ./", gzip(tar(file("evil", "1"), HELLO, file("./evil", "2"))), "the name appears twice")
    bad("ARC-011", "twice-kinds", "a symlink and a file of one name", gzip(tar(symlink("evil", "hello.txt"), HELLO, file("evil", "2"))), "the name appears twice", "evil")
    bad("ARC-012", "file-as-folder", "a file, then an entry beneath it", gzip(tar(file("evil", "1"), file("evil/x", "2"))), "\"evil\" is a file, not a folder", "evil/x")
    bad("ARC-012", "folder-entry-as-file", "a folder entry and a file of one name", gzip(tar(HELLO, folder("evil/"), file("evil", "1"))), "\"evil\"", "evil")
    bad("ARC-012", "folder-as-file", "an entry, then a file in its folder's place", gzip(tar(file("evil/x", "2"), file("evil", "1"))), "\"evil\" is a file, not a folder", "evil/x")


def refused_kinds():
    def links(label, name, entry, *parts, rule="ARC-013"):
        bad(rule, label, name, gzip(tar(*parts)), "entry \"%s\": the symlink to" % entry, entry)

    links("symlink-absolute", "an absolute symlink", "evil", HELLO, symlink("evil", "/etc/passwd"))
    links("symlink-parent", "a symlink to the parent", "evil", HELLO, symlink("evil", ".."))
    links("symlink-deep", "a symlink that leaves from a folder", "a/evil", HELLO, symlink("a/evil", "../../hello.txt"))
    links("symlink-empty", "a symlink to nothing", "evil", HELLO, symlink("evil", ""))
    links("symlink-through", "out through another symlink", "evil", file("a/b/c", "c"), symlink("s", "a/b"), symlink("evil", "s/../../.."), rule="ARC-014")
    links("symlink-through-later", "out through a symlink that comes later", "evil", file("a/b/c", "c"), symlink("evil", "s/../../.."), symlink("s", "a/b"), rule="ARC-014")
    links("symlink-circle", "a circle of two symlinks", "evil", HELLO, symlink("evil", "evil2"), symlink("evil2", "evil"), rule="ARC-014")
    links("symlink-self", "a symlink to itself", "evil", HELLO, symlink("evil", "evil"), rule="ARC-014")
    beneath = "\"evil\" is a file, not a folder"
    bad("ARC-014", "beneath-symlink", "an entry beneath an inner symlink", gzip(tar(file("a/b", "b"), symlink("evil", "a"), file("evil/x", "x"))), beneath, "evil/x")
    bad("ARC-014", "beneath-symlink-out", "an entry beneath a symlink that leaves", gzip(tar(symlink("evil", "/tmp"), file("evil/x", "x"))), "\"evil", "evil/x")
    bad("ARC-014", "beneath-later-symlink", "a symlink over the folder of an earlier entry", gzip(tar(file("evil/x", "x"), file("a/b", "b"), symlink("evil", "a"))), beneath, "evil/x")

    for label, name, target in [
        ("hard-link-parent", "a hard link to outside", "../hello.txt"), ("hard-link-absolute", "an absolute hard link", "/etc/passwd"),
        ("hard-link-missing", "a hard link to nothing", "nowhere"), ("hard-link-self", "a hard link to itself", "evil"), ("hard-link-folder", "a hard link to a folder", "d"),
    ]:
        bad("ARC-015", label, name, gzip(tar(HELLO, folder("d/"), hardlink("evil", target))), "does not lead to an earlier file of the archive", "evil")
    bad("ARC-015", "hard-link-later", "a hard link to a later entry", gzip(tar(hardlink("evil", "hello.txt"), HELLO)), "does not lead to an earlier file of the archive", "evil")
    bad("ARC-015", "hard-link-empty", "a hard link without a target", gzip(tar(HELLO, hardlink("evil", ""))), "entry \"evil\"", "evil")
    bad("ARC-015", "hard-link-symlink", "a hard link to a symlink", gzip(tar(HELLO, symlink("s", "hello.txt"), hardlink("evil", "s"))), "does not lead to an earlier file of the archive", "evil")
    for label, name, kind in [("character-device", "a character device", b"3"), ("block-device", "a block device", b"4"), ("fifo", "a FIFO", b"6")]:
        bad("ARC-016", label, name, gzip(tar(HELLO, header("evil", kind=kind, mode=0o666, device=(1, 3)))), "fifos are not allowed" if kind == b"6" else "devices are not allowed", "evil")
    bad("ARC-016", "unknown-kind", "an entry of an unknown kind", gzip(tar(HELLO, header("evil", kind=b"Q"))), "not allowed", "evil")


def refused_limits():
    five = [file("e%d" % i, "x") for i in range(1, 6)]
    bad("ARC-018", "entries", "one entry too many", gzip(tar(*five)), "entries", "e5", maxEntries=4)
    bad("ARC-018", "entries-folders", "folder entries count", gzip(tar(*[folder("d%d/" % i) for i in range(1, 5)], file("e5", "x"))), "entries", "e5", maxEntries=4)
    bad("ARC-019", "bytes", "one byte too many", gzip(tar(file("a", "x" * 600), file("evil", "y" * 401))), "bytes", "evil", maxUnpackedBytes=1000)
    bad("ARC-019", "bytes-hard-links", "copies count", gzip(tar(file("a", "x" * 600), hardlink("evil", "a"))), "bytes", "evil", maxUnpackedBytes=1000)
    bad("ARC-019", "bomb", "a mebibyte of zeros in %d kilobytes" % (len(deflate(bytes(1 << 20))) // 1000), gzip(tar(file("evil", bytes(1 << 20)))), "bytes", "evil", maxUnpackedBytes=100000)
    bad("ARC-019", "bytes-symlink", "symlink targets count", gzip(tar(file("a", "x" * 990), symlink("evil", "01234567890"))), "bytes", "evil", maxUnpackedBytes=1000)
    huge = header("evil", raw_size=b"\x80" + (9 << 30).to_bytes(11, "big"))
    bad("ARC-019", "lying-size", "a header that promises 9 GiB", gzip(tar(HELLO, huge)), "entry \"evil\"", "evil")
    bad("ARC-005", "lying-short", "a header that promises more than the tar holds", gzip(HELLO + header("evil", 5000) + padded(b"x" * 100)), "entry \"evil\"", "evil")
    bad("ARC-005", "negative-size", "a negative size", gzip(tar(HELLO, header("evil", raw_size=b"\xff" * 12))), "")
    bad("ARC-017", "empty", "a tar without an entry", gzip(tar()), "the archive holds no file")
    bad("ARC-017", "empty-stream", "a gzip of no bytes", gzip(b""), "the archive")
    bad("ARC-017", "only-folders", "only folders", gzip(tar(folder("a/"), folder("a/b/"))), "the archive holds no file")
    after = "data after the end of the archive"
    bad("ARC-024", "long-tail", "five mebibytes of zeros after the end mark", gzip(tar(HELLO) + bytes(5 << 20)), after)
    bad("ARC-024", "tail", "text after the end mark", gzip(tar(HELLO) + b"hidden"), after)
    bad("ARC-024", "second-tar", "a second tar after the end mark", gzip(tar(HELLO) + tar(file("evil", "x"))), after)
    bad("ARC-024", "no-end-mark", "the end mark is missing", gzip(HELLO), "its end mark is missing")
    bad("ARC-024", "half-end-mark", "half of the end mark is missing", gzip(HELLO + bytes(512)), "its end mark is missing")


def refused_streams():
    whole = tar(file("a", "a" * 700), HELLO)
    data = gzip(whole)
    cut, damaged, after, unread = "the gzip stream is cut short", "the gzip stream is damaged", "data after the end of the gzip stream", "the archive"
    for at, name in [(0, "no byte at all"), (1, "after 1 byte"), (5, "inside the gzip header"), (10, "after the gzip header"), (len(data) // 2, "in the middle"),
                     (len(data) - 9, "before the end of the last block"), (len(data) - 8, "before the CRC"), (len(data) - 4, "before the length"), (len(data) - 1, "before the last byte")]:
        bad("ARC-003", "truncated-%04d" % at, "cut " + name, data[:at], cut if at else "the archive is empty, not a gzip stream")
    bad("ARC-003", "truncated-member", "cut in the second member", gzip(whole) + gzip(b"")[:-3], cut)

    def flipped(at):
        return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1:]

    for at, name, contains in [(0, "of the magic", "not a gzip stream"), (2, "of the method", damaged), (len(data) // 2, "in the middle", ""),
                               (len(data) - 20, "near the end", ""), (len(data) - 7, "of the CRC", damaged), (len(data) - 3, "of the length", damaged)]:
        bad("ARC-001", "flipped-%04d" % at, "a flipped bit in a byte " + name, flipped(at), contains)
    bad("ARC-001", "bad-crc", "a wrong CRC", gzip(whole, crc=binascii.crc32(whole) ^ 1), damaged)
    bad("ARC-001", "bad-length", "a wrong length", gzip(whole, length=len(whole) + 1), damaged)
    bad("ARC-001", "bad-crc-member", "a wrong CRC in the first of two members", gzip(whole[:512], crc=0) + gzip(whole[512:]), damaged)
    bad("ARC-001", "bad-crc-tail", "a wrong CRC, with all entries before it", gzip(tar(HELLO) + b"\0" * 8192, crc=0), damaged)
    bad("ARC-002", "garbage", "text after the gzip", data + b"garbage", after)
    bad("ARC-002", "zeros", "zeros after the gzip", data + b"\0" * 512, after)
    bad("ARC-002", "half-magic", "half a gzip header after the gzip", data + b"\x1f\x8b", cut)
    bad("ARC-004", "not-gzip", "a tar that is not compressed", tar(HELLO), "not a gzip stream")
    bad("ARC-004", "text", "some text", b"hello world\n", "not a gzip stream")
    bad("ARC-004", "zip", "a zip's first bytes", b"PK\x03\x04" + bytes(26), "not a gzip stream")
    bad("ARC-004", "zstd", "zstd's first bytes", b"\x28\xb5\x2f\xfd" + bytes(26), "not a gzip stream")
    bad("ARC-005", "cut-tar-data", "a whole gzip of a tar cut in a file's bytes", gzip(HELLO + file("evil", "x" * 900)[:-600]), "entry \"evil\"", "evil")
    bad("ARC-005", "cut-tar-header", "a whole gzip of a tar cut in a header", gzip(HELLO + header("evil")[:300]), unread)
    bad("ARC-005", "not-tar", "a whole gzip of some text", gzip(b"hello world\n" * 100), unread)
    broken = bytearray(header("evil", 0))
    broken[148:154] = b"000000"
    bad("ARC-005", "bad-checksum", "a tar header with a wrong checksum", gzip(tar(HELLO, bytes(broken))), unread)


def main():
    accepted()
    refused_names()
    refused_kinds()
    refused_limits()
    refused_streams()
    lines = ",\n".join("  " + json.dumps(vector) for vector in vectors)
    outputs = {os.path.join(HERE, name): data for name, data in samples.items()}
    outputs[os.path.join(HERE, "..", "archive.json")] = ("{\n\"vectors\": [\n" + lines + "\n]\n}\n").encode()
    assert len(samples) == len(vectors), "two samples share a name"
    if "--check" in sys.argv[1:]:
        def same(path, data):
            with open(path, "rb") as stream:
                return stream.read() == data
        sys.exit(0 if all(os.path.exists(path) and same(path, data) for path, data in outputs.items()) else "the samples differ from what generate.py writes")
    for path, data in outputs.items():
        with open(path, "wb") as stream:
            stream.write(data)
    print("%d samples, %d bytes" % (len(samples), sum(map(len, samples.values()))))


main()
