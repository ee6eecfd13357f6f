public import RxModel

/// A long blob of a repository: another version of a file may share most of its bytes.
public struct LargeBlob: Sendable, Hashable {
    /// Its SHA-256.
    public let digest: Digest
    /// Its number of bytes.
    public let size: Int
    /// The path that the newest manifest with it gives it; nil when none does.
    public let title: String?

    /// Describes a blob.
    public init(digest: Digest, size: Int, title: String?) {
        self.digest = digest
        self.size = size
        self.title = title
    }
}

/// Finds what a new version of a long file may be made from. Source: Specs/13-chunks, "Bases".
public protocol LargeBlobFinder: Sendable {
    /// The blobs of at least `size` bytes that a repository shows, those of its newest manifests first; at most `limit`. `registry` is ""
    /// for what belongs to this store, or the host a copy came from.
    func largeBlobs(registry: String, repository: String, atLeast size: Int, limit: Int) throws -> [LargeBlob]
}

/// What bounds the search for large blobs.
enum LargeBlobSearch {
    /// How many of a repository's newest manifests are looked at.
    static let manifestLimit = 16
    /// Longer manifests are not read for the paths that they give.
    static let titledBytes = 4 << 20

    /// The paths that a manifest gives its layers.
    static func titles(_ bytes: [UInt8], mediaType: String) -> [Digest: String] {
        guard bytes.count <= titledBytes, let manifest = try? ArtifactManifest(parsing: bytes, mediaType: mediaType) else { return [:] }
        var titles: [Digest: String] = [:]
        for layer in manifest.layers {
            if let digest = layer.digest.sha256, let title = layer.title { titles[digest] = title }
        }
        return titles
    }
}

extension Sequence<LargeBlob> {
    /// The best bases for a file of this path and size first: those of the same path, then those nearest in size; at most `count` of them,
    /// and no more than `bytes` together.
    package func bases(for title: String?, size: Int, count: Int, bytes: Int) -> [LargeBlob] {
        func rank(_ blob: LargeBlob, _ position: Int) -> (Int, Int, Int) {
            (title != nil && blob.title == title ? 0 : 1, abs(blob.size - size), position)
        }
        let ranked = enumerated().sorted { a, b in rank(a.element, a.offset) < rank(b.element, b.offset) }
        var left = bytes
        var chosen: [LargeBlob] = []
        for (_, blob) in ranked where chosen.count < count && blob.size <= left {
            left -= blob.size
            chosen.append(blob)
        }
        return chosen
    }
}
