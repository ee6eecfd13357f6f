package import RxModel

/// Bytes of a known number that can be read anywhere, by several threads.
package protocol ByteRegion: Sendable {
    /// How many there are.
    var count: Int { get }

    /// Fills the front of `buffer` from `offset` on and returns how many bytes it holds; 0 only behind the end.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int
}

/// Bytes in memory.
package struct BytesRegion: ByteRegion {
    private let bytes: [UInt8]

    /// Reads `bytes`.
    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package var count: Int { bytes.count }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        let length = min(buffer.count, max(0, bytes.count - offset))
        guard length > 0 else { return 0 }
        bytes.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + length])) }
        return length
    }
}

/// Some of a region's bytes, read once from their front.
package final class RegionSource: ByteSource {
    private let region: any ByteRegion
    private var offset: Int
    private var left: Int

    /// Reads `range` of `region`, or all of it.
    package init(_ region: any ByteRegion, _ range: Range<Int>? = nil) {
        self.region = region
        offset = range?.lowerBound ?? 0
        left = range?.count ?? region.count
    }

    /// Throws `ContentError` when the region ends before the range does.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard left > 0, !buffer.isEmpty else { return 0 }
        let wanted = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(left, buffer.count)])
        let count = try region.read(into: wanted, at: offset)
        guard count > 0 else { throw ContentError("\(left) bytes of a blob are missing", code: .contentDamaged) }
        offset += count
        left -= count
        return count
    }
}

/// Sources one behind the other, each opened when the one before has ended.
package final class JoinedSource: ByteSource {
    private let open: (Int) throws -> (any ByteSource)?
    private var current: (any ByteSource)?
    private var next = 0

    /// Joins what `open` gives for 0, 1 and so on, until it gives nil.
    package init(_ open: @escaping (Int) throws -> (any ByteSource)?) { self.open = open }

    package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        while true {
            if let current {
                let count = try current.read(into: buffer)
                if count > 0 { return count }
            }
            current = try open(next)
            guard current != nil else { return 0 }
            next += 1
        }
    }
}
