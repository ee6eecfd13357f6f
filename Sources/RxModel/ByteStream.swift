/// Bytes that are read in order, in pieces of the reader's choice.
public protocol ByteSource: AnyObject {
    /// Fills the front of `buffer` and returns how many bytes it holds; 0 only at the end. A verifying source throws in place
    /// of the end when what was read is not what was promised.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

/// A place that bytes are written to in order.
public protocol ByteSink: AnyObject {
    /// Takes all of `bytes`, or throws.
    func write(_ bytes: UnsafeRawBufferPointer) throws
}

/// How many bytes the streaming loops move at a time.
public let streamBufferSize = 128 << 10

/// Moves every byte of `source` into `sink` through one buffer and returns their number.
@discardableResult
public func copyBytes(from source: some ByteSource, to sink: some ByteSink) throws -> Int {
    try withUnsafeTemporaryAllocation(byteCount: streamBufferSize, alignment: 16) { buffer in
        var total = 0
        while case let count = try source.read(into: buffer), count > 0 {
            try sink.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            total += count
        }
        return total
    }
}

/// Bytes in memory, read from the front.
public final class BytesSource: ByteSource {
    private let bytes: [UInt8]
    private var offset = 0

    /// Reads `bytes` once.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    public func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, bytes.count - offset)
        bytes.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count])) }
        offset += count
        return count
    }
}

/// Collects what is written to it; for small things only.
public final class BytesSink: ByteSink {
    /// What was written so far.
    public private(set) var bytes: [UInt8] = []
    private let limit: Int

    /// Refuses, with `ContentError`, to hold more than `limit` bytes. Room for `expected` bytes is made at once.
    public init(limit: Int = .max, expected: Int = 0) {
        self.limit = limit
        bytes.reserveCapacity(min(expected, limit))
    }

    public func write(_ more: UnsafeRawBufferPointer) throws {
        guard bytes.count + more.count <= limit else {
            throw ContentError("content is larger than the \(limit) bytes allowed here", code: .contentTooLarge)
        }
        bytes.append(contentsOf: more)
    }
}

extension ByteSource {
    /// All that is left, when that is at most `limit` bytes; throws `ContentError` otherwise. Room for `expected` bytes is made at once.
    public func readAll(limit: Int = .max, expected: Int = 0) throws -> [UInt8] {
        let sink = BytesSink(limit: limit, expected: expected)
        try copyBytes(from: self, to: sink)
        return sink.bytes
    }
}

/// A source that can go to any place of its bytes without reading those before it.
public protocol SeekableSource: ByteSource {
    /// Reads from `offset` on, counted from the first byte.
    func seek(to offset: Int) throws
}
