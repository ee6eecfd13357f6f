/// Reads the layers of a manifest in the exact form that rx writes (`ResourceManifest.bytes`) without making a JSON value of each:
/// thousands of files are read some ten times as fast. Anything else, however slightly it differs, is left to the JSON parser.
struct ManifestScanner {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var at: Int

    /// The manifest with an empty list of layers, and the files that its layers are; nil for a text of another form.
    static func scan(_ bytes: [UInt8]) -> (json: JSON, files: [ResourceFile])? {
        bytes.withUnsafeBufferPointer { buffer -> (rest: [UInt8], files: [ResourceFile])? in
            // No string of a JSON text holds this: its quotes would be escaped.
            guard let start = find(Array(#","layers":["#.utf8), in: buffer) else { return nil }
            var scanner = ManifestScanner(bytes: buffer, at: start + 11)
            guard let files = scanner.files() else { return nil }
            return (Array(buffer[..<(start + 11)]) + buffer[(scanner.at - 1)...], files)
        }.flatMap { rest, files in
            // Where nothing else of the text is a list, that was the manifest's own list of layers.
            guard let json = try? JSON(parsing: rest), let members = json.object, Set(members.keys) == keys,
                json["layers"]?.array?.isEmpty == true, json["config"] == ResourceManifest.emptyConfigDescriptor,
                json["annotations"]?.object?.values.allSatisfy({ $0.string != nil }) == true, json["artifactType"]?.string != nil,
                json["mediaType"]?.string != nil, json["schemaVersion"]?.int == 2
            else { return nil }
            return (json, files)
        }
    }

    private static let keys: Set = ["annotations", "artifactType", "config", "layers", "mediaType", "schemaVersion"]

    private static func find(_ text: [UInt8], in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        guard bytes.count >= text.count else { return nil }
        return (0...(bytes.count - text.count)).first { start in
            bytes[start] == text[0] && text.indices.allSatisfy { bytes[start + $0] == text[$0] }
        }
    }

    /// Every layer up to the end of the list, and the bracket behind it.
    private mutating func files() -> [ResourceFile]? {
        var files: [ResourceFile] = []
        files.reserveCapacity(bytes.count / 220)
        repeat {
            guard let file = file() else { return nil }
            files.append(file)
        } while skip(",")
        return skip("]") ? files : nil
    }

    private mutating func file() -> ResourceFile? {
        guard skip(#"{"annotations":{"#) else { return nil }
        let executable = skip(#""dev.rx.executable":"true","#)
        var symlink: String?
        if skip(#""dev.rx.symlink":""#) {
            guard let target = string(), skip(",") else { return nil }
            symlink = target
        }
        guard skip(#""org.opencontainers.image.title":""#), let title = string(), let path = try? FilePath(parsing: title),
            skip(#"},"digest":"sha256:"#), let digest = digest(), skip(#"","mediaType":"application/vnd.rx.file.v1","size":"#),
            let size = number(), skip("}")
        else { return nil }
        return ResourceFile(path: path, digest: digest, size: size, executable: executable, symlink: symlink)
    }

    private mutating func skip(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard bytes.count - at >= count else { return false }
        for offset in 0..<count where bytes[at + offset] != text.utf8Start[offset] { return false }
        at += count
        return true
    }

    /// The rest of a string in which nothing is escaped, and its closing quote.
    private mutating func string() -> String? {
        let start = at
        while at < bytes.count, bytes[at] != UInt8(ascii: "\""), bytes[at] != UInt8(ascii: "\\"), bytes[at] >= 0x20 { at += 1 }
        guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { return nil }
        defer { at += 1 }
        return String(validating: UnsafeBufferPointer(rebasing: bytes[start..<at]), as: UTF8.self)
    }

    private mutating func digest() -> Digest? {
        guard bytes.count - at >= 64 else { return nil }
        defer { at += 64 }
        return Digest(rawHex: UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[at..<at + 64])))
    }

    /// A whole number that fits, without a sign or a leading zero.
    private mutating func number() -> Int? {
        let start = at
        var value = 0
        while at < bytes.count, UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[at] {
            guard at - start < 18 else { return nil }
            value = value * 10 + Int(bytes[at] - UInt8(ascii: "0"))
            at += 1
        }
        guard at > start, at - start == 1 || bytes[start] != UInt8(ascii: "0") else { return nil }
        return value
    }
}
