import RxCrypto
import RxModel

/// Makes tars that no tar program would: every field is the test's to choose.
public struct RawTar {
    /// What was added so far.
    public private(set) var bytes: [UInt8] = []

    /// Starts empty.
    public init() {}

    /// Adds a header, the content and its padding. `size` is what the header says, the content's length when absent.
    public func entry(
        _ name: String, kind: Character = "0", content: [UInt8] = [], size: Int? = nil, target: String = "", mode: Int = 0o644
    ) -> RawTar {
        entry(bytes: Array(name.utf8), kind: kind, content: content, size: size, target: target, mode: mode)
    }

    /// The same with a name of any bytes.
    public func entry(
        bytes name: [UInt8], kind: Character = "0", content: [UInt8] = [], size: Int? = nil, target: String = "", mode: Int = 0o644
    ) -> RawTar {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ field: some Collection<UInt8>, _ offset: Int) { header.replaceSubrange(offset..<offset + field.count, with: field) }
        func octal(_ value: Int, _ digits: Int) -> [UInt8] {
            let text = Array(String(value, radix: 8).utf8)
            return [UInt8](repeating: 0x30, count: digits - text.count) + text
        }
        put(name.prefix(100), 0)
        put(octal(mode, 7), 100)
        put(octal(0, 7), 108)
        put(octal(0, 7), 116)
        put(octal(size ?? content.count, 11), 124)
        put(octal(0, 11), 136)
        put([UInt8](repeating: 0x20, count: 8), 148)
        put([kind.asciiValue!], 156)
        put(Array(target.utf8).prefix(100), 157)
        put(Array("ustar\u{0}00".utf8), 257)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6) + [0], 148)
        var next = self
        next.bytes += header + content + [UInt8](repeating: 0, count: -content.count & 511)
        return next
    }

    /// Adds a blob, named by its digest as in a stream of many.
    public func blob(_ bytes: [UInt8]) -> RawTar { entry("blobs/sha256/\(sha256(bytes).hex)", content: bytes) }

    /// Adds a pax header with records whose values may be any bytes.
    public func pax(_ records: [(key: String, value: [UInt8])], kind: Character = "x") -> RawTar {
        var body: [UInt8] = []
        for (key, value) in records {
            let rest = key.utf8.count + value.count + 3
            var length = rest + 1
            while String(length).utf8.count + rest != length { length = String(length).utf8.count + rest }
            body += Array("\(length) \(key)=".utf8) + value + [0x0A]
        }
        return entry("PaxHeader", kind: kind, content: body)
    }

    /// Adds a pax header with one record.
    public func pax(_ key: String, _ value: String, kind: Character = "x") -> RawTar { pax([(key, Array(value.utf8))], kind: kind) }

    /// The tar with its end mark.
    public var closed: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }
}
