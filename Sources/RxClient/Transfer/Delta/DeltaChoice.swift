import RxChunks
import RxModel
import RxStore

/// Which blobs are worth looking for in chunks, and which results are worth using. Source: Specs/13-chunks, "When".
enum DeltaChoice {
    /// Of every so many bytes one must be reusable at least.
    static let leastShare = 4
    /// How many blobs are looked in, and how many bytes they have together.
    static let baseCount = Delta.baseLimit
    static let baseBytes = ChunkIndex.largestBlob

    /// When so much of a list of chunks is found, in sixteenths, no further base is looked at.
    static let enough = 15

    /// Whether a blob of this length and path may be moved in chunks; its beginning may still say otherwise.
    static func mayPay(size: Int, title: String?) -> Bool {
        (ChunkIndex.smallestBlob...ChunkIndex.largestBlob).contains(size) && !(title.map(CompressedMedia.isNamed) ?? false)
    }

    /// Whether content is none that is compressed already. Throws what reading it throws.
    static func mayPay(_ content: any ByteRegion) throws -> Bool {
        let beginning = try RegionSource(content, 0..<min(CompressedMedia.sample, content.count)).readAll()
        return !CompressedMedia.begins(beginning)
    }

    /// Whether so many reused bytes of a blob make it worth while.
    static func pays(reused: Int, of size: Int) -> Bool { reused >= size / leastShare }
}
