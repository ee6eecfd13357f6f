import RxModel

/// A request's head. The body, when there is one, comes apart from it.
public struct HTTPRequest: Sendable {
    /// The method, such as `GET`; methods are case-sensitive.
    public let method: String
    /// The path as it was sent, percent escapes untouched, without the query.
    public let path: String
    /// The text after the first `?` as it was sent; nil when there is none.
    public let query: String?
    /// The header fields.
    public let headers: HTTPHeaders
    /// The client's address as text; empty when it is not known.
    public let remote: String

    /// Makes a request from a request target (RFC 9112, section 3.2: origin form or absolute form).
    public init(method: String, target: String, headers: HTTPHeaders = HTTPHeaders(), remote: String = "") {
        self.method = method
        self.headers = headers
        self.remote = remote
        let origin = HTTPRequest.origin(of: target)
        if let mark = origin.utf8.firstIndex(of: UInt8(ascii: "?")) {
            path = String(origin[..<mark])
            query = String(origin[origin.utf8.index(after: mark)...])
        } else {
            path = String(origin)
            query = nil
        }
    }

    /// The path and query of a target: an absolute one loses its scheme and authority.
    private static func origin(of target: String) -> Substring {
        guard target.utf8.first != UInt8(ascii: "/"),
            let scheme = ["http://", "https://"].first(where: { target.utf8.starts(with: $0.utf8) })
        else {
            return target[...]
        }
        let rest = target.dropFirst(scheme.utf8.count)
        guard let slash = rest.utf8.firstIndex(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }) else { return "/" }
        return rest[slash...]
    }

    /// The query's names and values, percent escapes and `+` decoded once. Nil for a broken escape or bytes that are not UTF-8.
    public var queryItems: [QueryItem]? {
        guard let query else { return [] }
        var items: [QueryItem] = []
        for part in query.utf8.split(separator: UInt8(ascii: "&")) {
            let pair = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let texts = pair.map { side in
                PercentEncoding.decode(String(decoding: side.map { $0 == UInt8(ascii: "+") ? 0x20 : $0 }, as: UTF8.self))
            }
            guard let name = texts[0], let value = texts.count == 2 ? texts[1] : "" else { return nil }
            items.append(QueryItem(name: name, value: value))
        }
        return items
    }
}

/// One `name=value` of a query.
public struct QueryItem: Sendable, Equatable {
    /// The decoded name.
    public let name: String
    /// The decoded value; empty when there is no `=`.
    public let value: String

    /// Makes an item.
    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}
