#!/usr/bin/env python3
"""Writes ../chunks.json: where content is cut, and the ids of its chunks, by a program that shares no code with rx.

Python's standard library only. The output is the same on every machine.

    python3 Specs/vectors/chunks/generate.py            write it
    python3 Specs/vectors/chunks/generate.py --check    write nothing; fail when it differs
"""
import hashlib
import json
import os
import sys

TARGET = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "chunks.json")
M64 = (1 << 64) - 1
MIN, NORMAL, MAX = 16 << 10, 64 << 10, 256 << 10
RARE, FREQUENT = 1 << 46, 1 << 50
GEAR = [int.from_bytes(hashlib.sha256(bytes([i])).digest()[:8], "big") for i in range(256)]


def random(size, seed):
    """xorshift64*, little endian."""
    state = (seed * 0x9E3779B97F4A7C15 & M64) | 1
    out = bytearray()
    while len(out) < size:
        state ^= state >> 12
        state ^= state << 25 & M64
        state ^= state >> 27
        out += (state * 0x2545F4914F6CDD1D & M64).to_bytes(8, "little")
    return bytes(out[:size])


def content(parts):
    return b"".join(random(p["size"], p["seed"]) if "seed" in p else bytes([p["byte"]]) * p["size"] for p in parts)


def cut(data, start):
    """The end of the chunk that begins at `start`."""
    left = len(data) - start
    if left <= MIN:
        return len(data)
    limit = min(left, MAX)
    h = 0
    for i in range(MIN, limit):
        h = ((h << 1) + GEAR[data[start + i]]) & M64
        if h < (RARE if i < NORMAL else FREQUENT):
            return start + i + 1
    return start + limit


def chunks(data):
    out, start = [], 0
    while start < len(data):
        end = cut(data, start)
        out.append(data[start:end])
        start = end
    return out


def vector(rule, name, parts):
    data = content(parts)
    found = chunks(data)
    ids = [hashlib.sha256(c).digest()[:6] for c in found]
    records = b"".join(len(c).to_bytes(3, "big") + i for c, i in zip(found, ids))
    return {
        "rule": rule, "name": name, "input": parts, "lengths": [len(c) for c in found], "ids": b"".join(ids).hex(),
        "index": "sha256:" + hashlib.sha256(records).hexdigest(),
    }


VECTORS = [
    {"rule": "CDC-002", "name": "numbers of the table", "gear": {str(i): format(GEAR[i], "016x") for i in (0, 1, 97, 255)}},
    vector("CDC-001", "nothing has no chunk", []),
    vector("CDC-001", "one byte", [{"size": 1, "byte": 7}]),
    vector("CDC-001", "exactly the shortest", [{"size": MIN, "seed": 1}]),
    vector("CDC-003", "one byte more than the shortest", [{"size": MIN + 1, "seed": 1}]),
    vector("CDC-003", "zeros are cut at the longest", [{"size": 2 * MAX + 5, "byte": 0}]),
    vector("CDC-003", "ones", [{"size": MAX + 70000, "byte": 255}]),
    vector(["CDC-003", "CDC-004", "CDC-005"], "random bytes", [{"size": 1 << 20, "seed": 2}]),
    vector(["CDC-003", "CDC-004"], "the same with a byte in the middle",
           [{"size": 1 << 19, "seed": 2}, {"size": 1, "byte": 1}, {"size": 1 << 19, "seed": 3}]),
    vector("CDC-004", "random, zeros, random", [{"size": 200000, "seed": 4}, {"size": 400000, "byte": 0}, {"size": 300000, "seed": 5}]),
]

text = "{\n\"vectors\": [\n" + ",\n".join("  " + json.dumps(v) for v in VECTORS) + "\n]\n}\n"
if "--check" in sys.argv:
    sys.exit(0 if open(TARGET).read() == text else TARGET + " differs")
open(TARGET, "w").write(text)
