public import RxModel

/// What both sides of a transfer agree on. Source: Specs/12-transfer.
public enum TransferWire {
    /// The header of every answer that says that a registry has these calls.
    public static let header = "RX-Transfer"
    /// The header's value.
    public static let version = "1"
    /// A blob longer than this travels alone, over `/v2/`, where it can be resumed.
    public static let largeBlob = 8 << 20
    /// A sender ends a stream once it holds this many bytes of content.
    public static let streamBytes = 64 << 20
    /// A resource up to this size goes in one request.
    public static let smallResource = 1 << 20
    /// The most blobs that one request names.
    public static let mostBlobs = 100_000
    /// An answer in JSON longer than this is compressed when the client allows it.
    public static let encodedBytes = 16 << 10

    /// The name of a blob's entry in a stream.
    public static func entryName(_ digest: Digest) -> String { entryPrefix + digest.hex }

    /// The blob that an entry's name means; nil for another name.
    public static func digest(entryName: String) -> Digest? {
        guard entryName.utf8.starts(with: entryPrefix.utf8) else { return nil }
        return Digest(hex: Substring(entryName.utf8.dropFirst(entryPrefix.utf8.count)))
    }

    private static let entryPrefix = "blobs/sha256/"
}
