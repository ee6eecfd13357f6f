/// What files are sent as. Source: Specs/06-http, API-070.
public enum FileType {
    /// Text that nobody says more of.
    public static let text = "text/plain; charset=utf-8"
    /// Bytes that nobody says anything of.
    public static let bytes = "application/octet-stream"

    /// How much of a file tells whether it is text, in bytes.
    public static let frontLength = 1024

    /// The content type of a file, by the end of its name; where that says nothing, whether it is text by its first bytes, up to
    /// `frontLength` of them. Without these it is not.
    public static func contentType(name: String, front: @autoclosure () -> [UInt8]?) -> String {
        if let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) {
            if let type = types[name[name.utf8.index(after: dot)...].lowercased()] { return type }
        }
        return front().map(isText) == true ? text : bytes
    }

    /// Whether bytes are UTF-8 without control characters that no text has; the last character may be cut off.
    static func isText(_ front: [UInt8]) -> Bool {
        for byte in front where byte < 0x20 || byte == 0x7F {
            // Tab, line feed, form feed, carriage return and escape.
            guard [0x09, 0x0A, 0x0C, 0x0D, 0x1B].contains(byte) else { return false }
        }
        // A character has at most four bytes.
        return (0...min(3, front.count)).contains { cut in
            let isCut = cut == 0 || front.count >= frontLength && front[front.count - cut] >= 0xC2
            return isCut && String(validating: front.dropLast(cut), as: UTF8.self) != nil
        }
    }

    private static let types: [String: String] = [
        "html": "text/html; charset=utf-8", "htm": "text/html; charset=utf-8", "css": "text/css; charset=utf-8",
        "js": "text/javascript; charset=utf-8", "mjs": "text/javascript; charset=utf-8", "cjs": "text/javascript; charset=utf-8",
        "json": "application/json", "map": "application/json", "webmanifest": "application/manifest+json", "wasm": "application/wasm",
        "xml": "application/xml", "csv": "text/csv; charset=utf-8", "md": "text/markdown; charset=utf-8",
        "svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
        "avif": "image/avif", "ico": "image/vnd.microsoft.icon", "bmp": "image/bmp", "woff": "font/woff", "woff2": "font/woff2",
        "ttf": "font/ttf", "otf": "font/otf", "mp3": "audio/mpeg", "wav": "audio/wav", "ogg": "audio/ogg", "flac": "audio/flac",
        "mp4": "video/mp4", "webm": "video/webm", "pdf": "application/pdf", "zip": "application/zip", "gz": "application/gzip",
        "tgz": "application/gzip", "tar": "application/x-tar", "zst": "application/zstd",
    ]
}
