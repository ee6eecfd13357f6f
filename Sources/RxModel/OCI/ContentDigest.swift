/// The name of some bytes as a registry's clients write it, by one of the registered algorithms: `sha256` or `sha512`.
///
/// Everything is stored by its SHA-256; a `sha512` name is another name of the same bytes. Source: OCI image spec v1.1, "Digests".
public enum ContentDigest: Hashable, Sendable, CustomStringConvertible {
    /// `sha256:<64 digits>`.
    case sha256(Digest)
    /// `sha512:<128 digits>`; the lower-case digits.
    case sha512(String)

    /// Reads `algorithm:digits`; nil for another algorithm, another number of digits, or upper-case ones.
    public init?(_ text: some StringProtocol) {
        if let digest = Digest(text) {
            self = .sha256(digest)
            return
        }
        guard text.utf8.starts(with: "sha512:".utf8) else { return nil }
        let digits = text.dropFirst(7)
        guard digits.utf8.count == 128, digits.utf8.allSatisfy({ Hex.value($0) != nil }) else { return nil }
        self = .sha512(String(digits))
    }

    /// The SHA-256, when that is what is written.
    public var sha256: Digest? { if case .sha256(let digest) = self { digest } else { nil } }

    /// `algorithm:digits`.
    public var description: String {
        switch self {
        case .sha256(let digest): digest.description
        case .sha512(let digits): "sha512:" + digits
        }
    }

    /// The tag under which older clients keep the list of what refers to a manifest. Source: OCI distribution spec v1.1, "Referrers Tag Schema".
    public var referrersTag: String {
        let text = description.utf8.map { $0 == UInt8(ascii: ":") ? UInt8(ascii: "-") : $0 }
        return String(decoding: text, as: UTF8.self)
    }
}
