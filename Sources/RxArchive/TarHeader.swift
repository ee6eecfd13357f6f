import RxModel

/// The header blocks of one entry: ustar where the names and the size fit, pax records before it where they do not.
///
/// The bytes depend on name, size, mode and target only. Source: POSIX.1-2017 pax, "ustar Interchange Format".
struct TarHeader {
    static let block = 512
    private static let nameField = 100, prefixField = 155
    /// The largest size that 11 octal digits hold.
    static let maxOctalSize = 0o777_7777_7777

    /// The blocks, ready to write.
    private(set) var bytes: [UInt8] = []

    init(path: FilePath, size: Int, executable: Bool, symlink: String?) {
        let name = Array(path.text.utf8)
        let target = Array((symlink ?? "").utf8)
        let split = TarHeader.split(name)
        var records: [UInt8] = []
        if split == nil { TarHeader.append("path", path.text, to: &records) }
        if let symlink, target.count > TarHeader.nameField { TarHeader.append("linkpath", symlink, to: &records) }
        if size > TarHeader.maxOctalSize { TarHeader.append("size", String(size), to: &records) }
        if !records.isEmpty {
            append(name: Array("PaxHeader".utf8)[...], prefix: [], size: records.count, mode: 0o644, kind: UInt8(ascii: "x"), target: [])
            bytes += records
            bytes.append(contentsOf: repeatElement(0, count: TarHeader.padding(records.count)))
        }
        append(
            name: split?.name ?? TarHeader.shortened(name)[...], prefix: split?.prefix ?? [], size: size,
            mode: symlink != nil ? 0o777 : executable ? 0o755 : 0o644, kind: UInt8(ascii: symlink == nil ? "0" : "2"),
            target: target.count > TarHeader.nameField ? TarHeader.shortened(target)[...] : target[...])
    }

    /// How many zeros fill the last block of `size` bytes.
    static func padding(_ size: Int) -> Int { -size & (block - 1) }

    private mutating func append(
        name: ArraySlice<UInt8>, prefix: ArraySlice<UInt8>, size: Int, mode: Int, kind: UInt8, target: ArraySlice<UInt8>
    ) {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: TarHeader.block))
        func put(_ field: some Collection<UInt8>, at offset: Int) {
            bytes.replaceSubrange((start + offset)..<(start + offset + field.count), with: field)
        }
        put(name, at: 0)
        put(TarHeader.octal(mode, digits: 7), at: 100)
        put(TarHeader.octal(0, digits: 7), at: 108)
        put(TarHeader.octal(0, digits: 7), at: 116)
        put(TarHeader.sizeField(size), at: 124)
        put(TarHeader.octal(0, digits: 11), at: 136)
        put(repeatElement(UInt8(ascii: " "), count: 8), at: 148)
        put(CollectionOfOne(kind), at: 156)
        put(target, at: 157)
        put("ustar\0".utf8, at: 257)
        put("00".utf8, at: 263)
        put(TarHeader.octal(0, digits: 7), at: 329)
        put(TarHeader.octal(0, digits: 7), at: 337)
        put(prefix, at: 345)
        let sum = bytes[start...].reduce(0) { $0 + Int($1) }
        put(TarHeader.octal(sum, digits: 6) + [0], at: 148)
    }

    /// A name that fits the header, cut in two at a slash when it must be; nil when it needs a pax record. It is UTF-8, as GNU tar
    /// writes it: bsdtar would compose a pax name, and two names that differ in nothing else would become one.
    private static func split(_ name: [UInt8]) -> (name: ArraySlice<UInt8>, prefix: ArraySlice<UInt8>)? {
        if name.count <= nameField { return (name[...], []) }
        let from = name.count - nameField - 1
        guard from <= prefixField else { return nil }
        guard let slash = name[from...min(prefixField, name.count - 2)].firstIndex(of: UInt8(ascii: "/")) else { return nil }
        return (name[(slash + 1)...], name[..<slash])
    }

    /// What a reader without pax sees: the beginning, in ASCII so that no reader stumbles over half a character.
    private static func shortened(_ name: [UInt8]) -> [UInt8] { name.prefix(nameField).map { $0 < 0x80 ? $0 : UInt8(ascii: "_") } }

    private static func octal(_ value: Int, digits: Int) -> [UInt8] {
        (0..<digits).reversed().map { UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value >> (3 * $0) & 7) }
    }

    /// Octal, or for more than that holds GNU's base 256, which every current reader knows and a pax `size` stands beside.
    private static func sizeField(_ size: Int) -> [UInt8] {
        guard size > maxOctalSize else { return octal(size, digits: 11) }
        return [0x80] + (0..<11).reversed().map { $0 > 7 ? 0 : UInt8(truncatingIfNeeded: size >> (8 * $0)) }
    }

    /// `length key=value\n`, where the length counts its own digits.
    ///
    /// A value that is not composed comes after a record that asks readers to leave it as it is. GNU tar, which always does, says
    /// that it does not know that record; so it is written only where it matters.
    private static func append(_ key: String, _ value: String, to records: inout [UInt8]) {
        if key != binary.key, !value.composed.utf8.elementsEqual(value.utf8) { append(binary.key, binary.value, to: &records) }
        let rest = key.utf8.count + value.utf8.count + 3
        var length = rest + 1
        while String(length).utf8.count + rest != length { length = String(length).utf8.count + rest }
        records += Array("\(length) \(key)=\(value)\n".utf8)
    }

    private static let binary = (key: "hdrcharset", value: "BINARY")
}
