/// The name of some bytes as a registry's clients write it, by one of the registered algorithms: `sha256` or `sha512`.
///
/// Everything is stored by its SHA-256; a `sha512` name is another name of the same bytes. Source: OCI image spec v1.1, "Digests".
public enum ContentDigest: Hashable, Sendable, CustomStringConvertible {
    /// `sha256:<64 digits>`.
    case sha256(Digest)
    /// `sha512:<128 digits>`; the lower-case digits.
    case sha512(String)
    /// The whole text of a digest by another algorithm: nothing is stored under it, but a manifest may name it.
    case other(String)

    /// Reads `algorithm:digits`; nil for another algorithm, another number of digits, or upper-case ones.
    public init?(_ text: some StringProtocol) {
        if let digest = Digest(text) {
            self = .sha256(digest)
            return
        }
        guard text.utf8.count == 135, text.utf8.starts(with: "sha512:".utf8) else { return nil }
        let digits = text.dropFirst(7)
        guard digits.utf8.count == 128, digits.utf8.allSatisfy({ Hex.value($0) != nil }) else { return nil }
        self = .sha512(String(digits))
    }

    /// Reads a digest of any algorithm, as manifests hold it; nil for a text that is none.
    public init?(ofAnyAlgorithm text: String) {
        if let digest = ContentDigest(text) {
            self = digest
        } else if !text.utf8.starts(with: "sha256:".utf8), !text.utf8.starts(with: "sha512:".utf8), RepositoryGrammar.isDigest(text) {
            self = .other(text)
        } else {
            return nil
        }
    }

    /// The SHA-256, when that is what is written.
    public var sha256: Digest? { if case .sha256(let digest) = self { digest } else { nil } }

    /// `algorithm:digits`.
    public var description: String {
        switch self {
        case .sha256(let digest): digest.description
        case .sha512(let digits): "sha512:" + digits
        case .other(let text): text
        }
    }

    /// The tag under which older clients keep the list of what refers to a manifest: 32 characters of the algorithm, `-`, and 64 digits at most,
    /// with `-` for what no tag may hold.
    /// Source: OCI distribution spec v1.1, "Referrers Tag Schema".
    public var referrersTag: String {
        let halves = description.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1)
        let text = halves[0].prefix(32) + [UInt8(ascii: "-")] + halves[1].prefix(64)
        return String(decoding: text.map { LocatorGrammar.isTagByte($0) ? $0 : UInt8(ascii: "-") }, as: UTF8.self)
    }
}
