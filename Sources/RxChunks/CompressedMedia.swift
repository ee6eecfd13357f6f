/// Content that is compressed already: a small change changes all that follows it, so that looking for chunks is in vain.
package enum CompressedMedia {
    /// How many bytes of the beginning are looked at.
    package static let sample = 16

    private static let endings: Set<String> = [
        "gz", "tgz", "bz2", "tbz2", "xz", "txz", "zst", "lz4", "lzma", "br", "zip", "jar", "war", "apk", "whl", "7z", "rar", "docx", "xlsx",
        "pptx", "odt", "ods", "epub", "jpg", "jpeg", "png", "gif", "webp", "avif", "heic", "mp3", "m4a", "aac", "ogg", "opus", "flac",
        "mp4",
        "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "woff2", "deb", "rpm", "crate", "parquet",
    ]

    private static let beginnings: [[UInt8]] = [
        [0x1F, 0x8B], Array("BZh".utf8), [0xFD] + Array("7zXZ".utf8) + [0], [0x28, 0xB5, 0x2F, 0xFD], [0x04, 0x22, 0x4D, 0x18],
        Array("PK".utf8) + [3, 4], Array("7z".utf8) + [0xBC, 0xAF, 0x27, 0x1C], Array("Rar!".utf8), [0xFF, 0xD8, 0xFF],
        [0x89] + Array("PNG".utf8), Array("GIF8".utf8), Array("OggS".utf8), Array("fLaC".utf8), Array("ID3".utf8),
        [0x1A, 0x45, 0xDF, 0xA3], Array("wOF2".utf8), Array("PAR1".utf8),
    ]

    /// Whether a file's name ends like one of compressed media.
    package static func isNamed(_ path: String) -> Bool {
        guard let dot = path.utf8.lastIndex(of: UInt8(ascii: ".")) else { return false }
        return endings.contains(path[path.utf8.index(after: dot)...].lowercased())
    }

    /// Whether content begins like compressed media.
    package static func begins(_ bytes: [UInt8]) -> Bool {
        if beginnings.contains(where: { bytes.starts(with: $0) }) { return true }
        // ISO base media (mp4, mov, heic, avif): a length, then `ftyp`; RIFF with a compressed picture or film.
        guard bytes.count >= 12 else { return false }
        return Array(bytes[4..<8]) == Array("ftyp".utf8)
            || bytes.starts(with: Array("RIFF".utf8)) && [Array("WEBP".utf8), Array("AVI ".utf8)].contains(Array(bytes[8..<12]))
    }
}
