public import RxModel

/// What a registry says of a resource and its manifest's exact bytes, in one answer of two lines. Source: Specs/12-transfer, XFR-120.
///
/// Thousands of files are read from it many times as fast as from the list of files that any other client asks for.
public struct ResourceDescription: Sendable {
    /// The media type of the answer: JSON, one value a line.
    public static let mediaType = "application/x-ndjson"

    /// What the registry says, without files.
    public let info: ResourceInfo
    /// The manifest's bytes; nothing is checked yet.
    public let manifest: [UInt8]

    /// The answer. The manifest has no line break in it.
    public static func encode(_ info: ResourceInfo, manifest: [UInt8]) -> [UInt8] {
        info.json.canonical + CollectionOfOne(UInt8(ascii: "\n")) + manifest
    }

    /// Reads an answer. Throws `RegistryError` when it is not of two lines, or the first is no description.
    public init(parsing bytes: [UInt8]) throws(RegistryError) {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { throw Answer.fail("the registry's answer ends after one line") }
        info = try ResourceInfo(parsing: Array(bytes[..<end]))
        manifest = Array(bytes[(end + 1)...])
    }
}
