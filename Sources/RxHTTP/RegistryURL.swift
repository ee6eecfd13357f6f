public import RxModel

/// Where a registry is: scheme, host, port and the path its API hangs under.
///
/// Source: Specs/06-http.
public struct RegistryURL: Hashable, Sendable, CustomStringConvertible {
    /// How the registry is spoken to.
    public enum Scheme: String, Sendable {
        case http, https

        /// The port that is left out of a URL.
        public var port: Int { self == .http ? 80 : 443 }
    }

    /// `http` or `https`.
    public let scheme: Scheme
    /// The host in lower case; an IPv6 address in brackets.
    public let host: String
    /// The port when one is written that is not the scheme's own.
    public let port: Int?
    /// Empty, or a path that begins with `/` and ends without one; a written `/api/v1` is left out.
    public let base: String

    /// Reads `[http[s]://]host[:port][/path]`. Without a scheme it is `http` for exactly `localhost` and loopback addresses, else `https`.
    /// Throws `RegistryError` that names the text.
    public init(parsing text: String) throws(RegistryError) {
        func fail(_ reason: String) -> RegistryError {
            RegistryError(
                "\"\(RegistryURL.withoutSecret(text))\" is not a registry's URL: \(reason)", code: .invalidRequest,
                hint: "write it like https://registry.example.com or localhost:3000")
        }
        guard !text.isEmpty else { throw fail("it is empty") }
        guard text.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value < 0x7F && $0 != "\\" }) else {
            throw fail("it holds a space or a character that must be escaped")
        }
        var rest = text[...]
        var written: Scheme?
        if let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")), text.utf8[colon...].starts(with: "://".utf8) {
            guard let scheme = Scheme(rawValue: text[..<colon].lowercased()) else { throw fail("the scheme must be http or https") }
            written = scheme
            rest = text[text.utf8.index(colon, offsetBy: 3)...]
        }
        guard !rest.utf8.contains(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }) else {
            throw fail("it may not have a query or fragment")
        }
        let slash = rest.utf8.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
        let authority = rest[..<slash]
        guard !authority.utf8.contains(UInt8(ascii: "@")) else { throw fail("it may not hold a user name or password") }
        guard LocatorGrammar.isRegistry(String(authority)) else { throw fail("the host or port is not valid") }

        let split = RegistryURL.split(authority)
        host = split.host.lowercased()
        scheme = written ?? (RegistryURL.isLoopback(host) ? .http : .https)
        port = split.port == scheme.port ? nil : split.port
        if let port = split.port, port == 0 { throw fail("port 0 cannot be reached") }
        base = RegistryURL.base(rest[slash...])
    }

    /// Whether a host, in lower case, is exactly `localhost` or a loopback address: 127.0.0.0/8 in four decimal parts, or `[::1]`.
    public static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "[::1]" || host == "::1" { return true }
        let parts = host.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map { Substring($0) }
        guard parts.count == 4, parts[0] == "127" else { return false }
        return parts.allSatisfy { part in
            guard 1...3 ~= part.utf8.count, part.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let value = Int(part)
            else { return false }
            return value <= 255 && (part.utf8.count == 1 || part.utf8.first != UInt8(ascii: "0"))
        }
    }

    /// Host and port as a locator's registry part writes them; a host that would read as a path has its port written, whatever it is.
    public var authority: String {
        guard let port = port ?? (LocatorGrammar.namesRegistry(host) ? nil : scheme.port) else { return host }
        return "\(host):\(port)"
    }

    /// The URL without `/api/v1`.
    public var description: String { "\(scheme.rawValue)://\(host)\(port.map { ":\($0)" } ?? "")\(base)" }

    /// The URL of an absolute path on this registry, such as `/api/v1/health`.
    public func url(_ path: String) -> String { description + path }

    /// The text without what may be a password: everything before an `@`.
    private static func withoutSecret(_ text: String) -> String {
        guard let at = text.utf8.lastIndex(of: UInt8(ascii: "@")) else { return text }
        let scheme = ["https://", "http://"].first { text.lowercased().hasPrefix($0) } ?? ""
        return "\(scheme)...\(text[at...])"
    }

    private static func split(_ authority: Substring) -> (host: Substring, port: Int?) {
        let from = authority.utf8.lastIndex(of: UInt8(ascii: "]")) ?? authority.startIndex
        guard let colon = authority[from...].utf8.firstIndex(of: UInt8(ascii: ":")) else { return (authority, nil) }
        return (authority[..<colon], Int(authority[authority.utf8.index(after: colon)...]))
    }

    private static func base(_ path: Substring) -> String {
        var path = path
        func dropSlashes() { while path.utf8.last == UInt8(ascii: "/") { path.removeLast() } }
        dropSlashes()
        if path.hasSuffix("/api/v1") {
            path.removeLast("/api/v1".utf8.count)
            dropSlashes()
        }
        return String(path)
    }
}
