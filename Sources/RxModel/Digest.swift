/// The SHA-256 of some bytes, written `sha256:<64 lower-case hexadecimal digits>`.
///
/// Held as four words: comparing and hashing cost a few instructions. Source: OCI image spec v1.1, "Digests".
public struct Digest: Hashable, Comparable, Sendable, CustomStringConvertible {
    private var words: (UInt64, UInt64, UInt64, UInt64)

    /// Reads 32 bytes, most significant first; nil for another count.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        words = (0, 0, 0, 0)
        withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
        words = (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian)
    }

    /// The same of bytes in memory, by a few instructions.
    package init?(raw bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 32 else { return nil }
        func word(_ at: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self).bigEndian }
        words = (word(0), word(8), word(16), word(24))
    }

    /// Reads exactly 64 lower-case digits in memory; nil for anything else.
    package init?(rawHex digits: UnsafeRawBufferPointer) {
        guard digits.count == 64 else { return nil }
        func word(_ start: Int) -> UInt64? {
            func half(_ at: Int) -> UInt32? {
                Hex.value(eightDigits: digits.loadUnaligned(fromByteOffset: at, as: UInt64.self).littleEndian)
            }
            guard let high = half(start), let low = half(start + 8) else { return nil }
            return UInt64(high) << 32 | UInt64(low)
        }
        guard let a = word(0), let b = word(16), let c = word(32), let d = word(48) else { return nil }
        words = (a, b, c, d)
    }

    /// Reads exactly 64 lower-case digits; nil for anything else.
    public init?(hex: some StringProtocol) {
        var words: InlineArray<4, UInt64> = [0, 0, 0, 0]
        var count = 0
        for digit in hex.utf8 {
            guard count < 64, let value = Hex.value(digit) else { return nil }
            words[count / 16] = words[count / 16] << 4 | UInt64(value)
            count += 1
        }
        guard count == 64 else { return nil }
        self.words = (words[0], words[1], words[2], words[3])
    }

    /// Reads `sha256:<64 digits>`; nil for anything else.
    public init?(_ text: some StringProtocol) {
        // The count, too: a character may be more than one byte.
        guard text.utf8.count == 71, text.utf8.starts(with: "sha256:".utf8) else { return nil }
        self.init(hex: text.dropFirst(7))
    }

    /// The 32 bytes, most significant first.
    public var bytes: [UInt8] {
        let ordered = (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian)
        return withUnsafeBytes(of: ordered) { Array($0) }
    }

    /// Gives `body` the 32 bytes, most significant first, without a list of their own.
    package func withBytes<Value>(_ body: (UnsafeRawBufferPointer) -> Value) -> Value {
        let ordered = (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian)
        return withUnsafeBytes(of: ordered) { body($0) }
    }

    /// The 64 digits without the algorithm.
    public var hex: String { withBytes { Hex.text($0) } }

    /// `sha256:` and the 64 digits.
    public var description: String { "sha256:" + hex }

    public static func == (a: Digest, b: Digest) -> Bool { a.words == b.words }

    /// The order of the digests' texts.
    public static func < (a: Digest, b: Digest) -> Bool { a.words < b.words }

    // All of it: digests in a manifest are whatever its sender likes, also very many with the same first digits.
    public func hash(into hasher: inout Hasher) { withUnsafeBytes(of: words) { hasher.combine(bytes: $0) } }
}
