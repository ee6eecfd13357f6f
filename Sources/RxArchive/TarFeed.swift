import CArchive
import RxModel

/// Hands libarchive the bytes of a tar, and keeps the headers of the entry it is parsing for `TarHeaders` to check.
final class TarFeed {
    /// The most bytes that the headers of one entry may take: libarchive keeps what it parses in memory.
    private static let maxHeaderBytes = 4 << 20

    /// What the source threw; libarchive only learns that reading failed.
    private(set) var failure: (any Error)?
    /// What the source threw behind the bytes that are given out first.
    private var pending: (any Error)?

    private let source: any ByteSource
    private let maxBytes: Int
    private let buffer: OwnedBuffer
    private var count = 0
    /// Where the buffer's first byte is in the tar.
    private var start = 0
    private var headerStart: Int?
    /// The part of the headers that has left the buffer.
    private var spilled: [UInt8] = []

    init(_ source: any ByteSource, limits: ArchiveLimits) {
        self.source = source
        maxBytes = limits.maxTarBytes
        buffer = OwnedBuffer(2 * limits.bufferBytes)
    }

    /// The next full buffer; a shorter one, or none, only at the end. Blocks of 512 bytes therefore never span buffers.
    func next() -> UnsafeRawBufferPointer? {
        do {
            try spill()
            start += count
            count = 0
            if let pending { throw pending }
            do {
                while count < buffer.bytes.count {
                    let more = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[count...]))
                    if more == 0 { break }
                    count += more
                }
            } catch {
                // Entries that came whole are whole, whatever follows.
                count -= count % TarHeader.block
                guard count > 0 else { throw error }
                pending = error
            }
            guard start <= maxBytes - count else { throw ContentError("the archive unpacks to more than is allowed") }
            return buffer.prefix(count)
        } catch {
            failure = error
            return nil
        }
    }

    /// Keeps what is read from `offset` on, until `withHeaders`.
    func beginHeaders(at offset: Int) {
        headerStart = offset
        spilled.removeAll(keepingCapacity: true)
    }

    /// Gives the bytes from `beginHeaders` up to `end`.
    func withHeaders<R>(to end: Int, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        let first = headerStart ?? end
        headerStart = nil
        if spilled.isEmpty { return try body(UnsafeRawBufferPointer(rebasing: buffer.bytes[(first - start)..<(end - start)])) }
        spilled += buffer.prefix(max(0, end - start))
        return try spilled.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0.prefix(end - first))) }
    }

    /// Reads to the end of the source; everything from `offset` on must be zeros. Returns their number.
    func drainPadding(from offset: Int, limit: Int) throws -> Int {
        var rest = UnsafeRawBufferPointer(rebasing: buffer.prefix(count)[max(0, min(count, offset - start))...])
        var total = 0
        headerStart = nil
        while true {
            total += rest.count
            guard total <= limit, rest.allZero else { throw ContentError("data after the end of the archive") }
            guard let more = next() else { throw failure! }
            if more.isEmpty { return total }
            rest = more
        }
    }

    private func spill() throws {
        guard let headerStart else { return }
        let from = max(0, headerStart - start)
        guard from < count else { return }
        guard spilled.count + count - from <= TarFeed.maxHeaderBytes else {
            throw ContentError("the headers of an entry take more than \(TarFeed.maxHeaderBytes) bytes")
        }
        spilled += buffer.bytes[from..<count]
    }
}

extension UnsafeRawBufferPointer {
    /// Whether every byte is 0.
    fileprivate var allZero: Bool {
        let words = bindMemory(to: UInt64.self)
        return words.allSatisfy { $0 == 0 } && self[(words.count * 8)...].allSatisfy { $0 == 0 }
    }
}
