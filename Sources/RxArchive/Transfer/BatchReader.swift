public import RxModel

/// One blob of a batch stream, as its entry's header says.
public struct BatchEntry: Sendable, Equatable {
    /// The SHA-256 that its name promises; nothing is checked yet.
    public let digest: Digest
    /// The length in bytes.
    public let size: Int

    /// Describes an entry.
    public init(digest: Digest, size: Int) {
        self.digest = digest
        self.size = size
    }
}

/// Reads a batch stream: many blobs, one after the other, plain, gzip or zstd. Source: Specs/12-transfer.
///
/// Throws `ContentError`, with the entry's name where it is about one, for everything that is no such stream.
public final class BatchReader: ByteSource {
    private let tar: TarReader
    private let limits: ArchiveLimits
    private var entries = 0
    private var unpackedBytes = 0

    /// Reads the stream that `source` holds.
    public init(_ source: any ByteSource, limits: ArchiveLimits = ArchiveLimits()) throws {
        tar = try TarReader(DecodingSource(source, bufferBytes: limits.bufferBytes), limits: limits)
        self.limits = limits
    }

    /// The next blob; nil at the end of the stream, which is checked to be one. What was not read of the last one is passed over.
    public func next() throws -> BatchEntry? {
        while let entry = try tar.next() {
            entries += 1
            guard entries <= limits.maxEntries else { throw ContentError("the stream holds more than \(limits.maxEntries) entries") }
            guard entry.size <= limits.maxUnpackedBytes - unpackedBytes else {
                throw ContentError("entry \(entry.shown): the stream unpacks to more than \(limits.maxUnpackedBytes) bytes")
            }
            unpackedBytes += entry.size
            if case .folder = entry.kind { continue }
            guard case .file = entry.kind else { throw ContentError("entry \(entry.shown): only files and folders are allowed") }
            let name = BatchReader.withoutDot(entry.name)
            if name.elementsEqual("oci-layout".utf8) || name.elementsEqual("index.json".utf8) { continue }
            guard name.count == BatchReader.prefix.utf8.count + 64, name.starts(with: BatchReader.prefix.utf8),
                let digest = name.dropFirst(BatchReader.prefix.utf8.count).withUnsafeBytes({ Digest(rawHex: $0) })
            else { throw ContentError("entry \(entry.shown): a blob is named blobs/sha256/ and its 64 hexadecimal digits") }
            return BatchEntry(digest: digest, size: entry.size)
        }
        return nil
    }

    /// Gives the next bytes of the blob that `next` announced; 0 at its end.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int { try tar.read(into: buffer) }

    private static let prefix = "blobs/sha256/"

    /// The name without the `./` that tar writes in front when it was given a folder.
    private static func withoutDot(_ name: [UInt8]) -> ArraySlice<UInt8> { name.starts(with: "./".utf8) ? name.dropFirst(2) : name[...] }
}
