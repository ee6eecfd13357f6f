import RxModel

/// How much an archive may hold before it is refused. Source: Specs/08-limits.
public struct ArchiveLimits: Sendable {
    /// The most entries, folders and links included.
    public var maxEntries: Int
    /// The most bytes of content, uncompressed.
    public var maxUnpackedBytes: Int
    /// The most bytes of names and symlink targets: the part of an archive that is held in memory.
    public var maxNameBytes: Int
    /// How long a buffer on the way is, a multiple of a tar's block of 512 bytes: what is refused does not depend on it.
    var bufferBytes = streamBufferSize

    /// By default 1,000,000 entries, 8 GiB of content, 64 MiB of names.
    public init(maxEntries: Int = 1_000_000, maxUnpackedBytes: Int = 8 << 30, maxNameBytes: Int = 64 << 20) {
        self.maxEntries = maxEntries
        self.maxUnpackedBytes = maxUnpackedBytes
        self.maxNameBytes = maxNameBytes
    }

    /// The most bytes of tar that can be within the other limits; bounds what headers and padding cost.
    var maxTarBytes: Int {
        let (headers, overflow) = maxEntries.multipliedReportingOverflow(by: 2048)
        let (sum, tooMuch) = maxUnpackedBytes.addingReportingOverflow(overflow ? .max : headers)
        return tooMuch ? .max : max(sum, sum &+ (4 << 20))
    }
}
