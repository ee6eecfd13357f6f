/// How a body may be written on its way (RFC 9110, section 8.4.1).
public enum ContentCoding: String, Sendable {
    /// As it is.
    case identity
    /// RFC 1952.
    case gzip
    /// RFC 8878.
    case zstd

    /// The best that a request's `Accept-Encoding` allows: zstd, else gzip, else none. What it does not name is not used.
    /// Source: RFC 9110, section 12.5.3.
    public static func preferred(_ accepted: String?) -> ContentCoding {
        guard let accepted else { return .identity }
        var allowed: Set<String> = []
        for part in accepted.utf8.split(separator: UInt8(ascii: ",")) {
            let pieces = part.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map { String(Substring($0)).trimmed }
            let isRefused = pieces.dropFirst().contains { weight in
                weight.utf8.count > 2 && HTTPHeaders.same(String(weight.prefix(2)), "q=")
                    && weight.utf8.dropFirst(2).allSatisfy { $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: ".") }
            }
            if !isRefused { allowed.insert(pieces[0].lowercased()) }
        }
        if allowed.contains("zstd") { return .zstd }
        return allowed.contains("gzip") || allowed.contains("x-gzip") ? .gzip : .identity
    }
}
