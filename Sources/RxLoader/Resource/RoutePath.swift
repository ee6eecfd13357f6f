import RxModel

/// Paths as routers split them. Source: Specs/15-loader, LOD-005.
enum RoutePath {
    private static let slash = UInt8(ascii: "/")

    /// The first segment, percent escapes decoded once, and the rest: each segment with one `/` in front, `/` when nothing is left.
    /// Empty segments are nothing. An escape that is broken stays as it is.
    static func split(_ path: String) -> (segment: String, rest: String) {
        var path = path
        return path.withUTF8 { bytes in
            var start = 0
            while start < bytes.count, bytes[start] == slash { start += 1 }
            var end = start
            var isEscaped = false
            while end < bytes.count, bytes[end] != slash {
                if bytes[end] == UInt8(ascii: "%") { isEscaped = true }
                end += 1
            }
            let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<end]), as: UTF8.self)
            let segment = isEscaped ? PercentEncoding.decode(text) ?? text : text
            return (segment, rest(UnsafeBufferPointer(rebasing: bytes[end...])))
        }
    }

    /// What begins with a slash, or is empty, with single slashes and none at the end.
    private static func rest(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        guard bytes.count > 1 else { return "/" }
        if bytes.last != slash, !zip(bytes, bytes.dropFirst()).contains(where: { $0 == slash && $1 == slash }) {
            return String(decoding: bytes, as: UTF8.self)
        }
        let segments = bytes.split(separator: slash)
        return segments.isEmpty ? "/" : segments.map { "/" + String(decoding: $0, as: UTF8.self) }.joined()
    }

    /// Every segment, percent escapes decoded once.
    static func segments(_ path: String) -> [String] {
        path.utf8.split(separator: slash).map { segment in
            let text = String(Substring(segment))
            return PercentEncoding.decode(text) ?? text
        }
    }
}
