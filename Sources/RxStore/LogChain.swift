/// The checksums of a log: that of each frame follows from its bytes and the one before, and the first one's from the header. A log that has a
/// frame which breaks the chain ends before it. Source: https://sqlite.org/walformat.html, sections 2 and 4.2.
struct LogChain {
    private var sums: (UInt32, UInt32)
    private let salts: UInt64
    private let isBigEndian: Bool

    /// Begins behind a log's header; nil when it is none.
    init?(header: UnsafeRawBufferPointer) {
        let magic = LogChain.number(header, at: 0)
        guard header.count == LogShape.header, magic & ~1 == 0x377F_0682 else { return nil }
        isBigEndian = magic & 1 == 1
        salts = header.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
        sums = (0, 0)
        add(header[..<24])
        guard sums == LogChain.sums(header, at: 24) else { return nil }
    }

    /// Goes on behind a frame that is known to be right, of which this is the header.
    mutating func resume(behind header: UnsafeRawBufferPointer) { sums = LogChain.sums(header, at: 16) }

    /// Whether this is the next frame.
    mutating func take(_ frame: UnsafeRawBufferPointer) -> Bool {
        guard frame.count > LogShape.frameHeader, frame.loadUnaligned(fromByteOffset: 8, as: UInt64.self) == salts else { return false }
        add(frame[..<8])
        add(frame[LogShape.frameHeader...])
        return sums == LogChain.sums(frame, at: 16)
    }

    private mutating func add(_ bytes: Slice<UnsafeRawBufferPointer>) {
        let bytes = UnsafeRawBufferPointer(rebasing: bytes)
        var (first, second) = sums
        for offset in stride(from: 0, to: bytes.count, by: 8) {
            first &+= word(bytes, at: offset) &+ second
            second &+= word(bytes, at: offset + 4) &+ first
        }
        sums = (first, second)
    }

    private func word(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt32 {
        let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        return isBigEndian ? UInt32(bigEndian: word) : UInt32(littleEndian: word)
    }

    private static func sums(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> (UInt32, UInt32) {
        (number(bytes, at: offset), number(bytes, at: offset + 4))
    }

    private static func number(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt32 {
        UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}
