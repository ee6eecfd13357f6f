package import RxModel

/// How a blob is made from parts of others and new bytes. Source: Specs/13-chunks, "Assembling".
package struct Delta: Sendable {
    /// One part of the blob.
    package enum Part: Sendable, Equatable {
        /// Bytes of a base.
        case copy(base: Int, Range<Int>)
        /// New bytes: these of the blob itself.
        case fresh(Range<Int>)
    }

    /// The most bases that one delta names.
    package static let baseLimit = 16
    /// The most parts that one delta has: the runs of one answer, and what lies between them, are half as many.
    package static let partLimit = 1 << 16
    /// The media type of a delta with its new bytes.
    package static let mediaType = "application/vnd.rx.delta.v1"

    /// The bases, as parts number them.
    package let bases: [Digest]
    /// What the blob is made of, in order.
    package let parts: [Part]

    /// Joins the runs of a blob's chunks that the bases have with what lies between them. Runs that contradict the blob's own lengths, overlap
    /// or name no base are left out.
    package init(of index: ChunkIndex, runs: [ChunkRun], bases: [Digest]) {
        var parts: [Part] = []
        var offset = 0
        var position = 0
        var fresh = 0..<0
        func flush() {
            if !fresh.isEmpty { parts.append(.fresh(fresh)) }
            fresh = offset..<offset
        }
        func pass(upTo end: Int) {
            while position < end {
                offset += index.chunks[position].length
                position += 1
            }
            fresh = fresh.lowerBound..<offset
        }
        for run in runs {
            guard run.first >= position, run.count > 0, run.count <= index.chunks.count - min(run.first, index.chunks.count),
                bases.indices.contains(run.base), run.offset >= 0, run.length <= Int.max - run.offset
            else { continue }
            let length = index.chunks[run.first..<run.first + run.count].reduce(0) { $0 + $1.length }
            guard length == run.length else { continue }
            pass(upTo: run.first)
            flush()
            parts.append(.copy(base: run.base, run.offset..<run.offset + length))
            offset += length
            position = run.first + run.count
            fresh = offset..<offset
        }
        pass(upTo: index.chunks.count)
        flush()
        self.parts = parts
        self.bases = bases
    }

    /// How many bytes are new.
    package var freshBytes: Int {
        parts.reduce(0) { sum, part in if case .fresh(let range) = part { sum + range.count } else { sum } }
    }

    /// How many bytes come from bases.
    package var copiedBytes: Int {
        parts.reduce(0) { sum, part in if case .copy(_, let range) = part { sum + range.count } else { sum } }
    }

    /// The number of bytes that `encoded` has.
    package var encodedLength: Int {
        parts.reduce(1 + 32 * bases.count) { sum, part in
            switch part {
            case .copy: sum + Delta.copyBytes
            case .fresh(let range): sum + Delta.freshHeadBytes + range.count
            }
        }
    }

    /// What is sent: the bases, and the parts with the new bytes, which are read from the blob while it is sent.
    package func encoded(of blob: any ByteRegion) -> any ByteSource {
        JoinedSource { [self] step in
            // For each part its head, then the bytes that follow it.
            guard step > 0 else { return BytesSource([UInt8(bases.count)] + bases.flatMap(\.bytes)) }
            let part = (step - 1) / 2
            guard part < parts.count else { return nil }
            switch (parts[part], (step - 1) % 2 == 0) {
            case (.copy(let base, let range), true):
                return BytesSource([UInt8(base + 1)] + Delta.number(range.count) + Delta.number(range.lowerBound))
            case (.fresh(let range), true): return BytesSource([0] + Delta.number(range.count))
            case (.fresh(let range), false): return RegionSource(blob, range)
            case (.copy, false): return BytesSource([])
            }
        }
    }

    /// Bytes of a part's number.
    static let numberBytes = 5
    static let freshHeadBytes = 1 + numberBytes
    static let copyBytes = 1 + 2 * numberBytes

    private static func number(_ value: Int) -> [UInt8] {
        stride(from: 8 * (numberBytes - 1), through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}
