import RxCrypto
package import RxModel

/// What a version of a resource holds: made from its number, so that anybody can tell later what should be there.
package struct Content: Sendable {
    /// A file of it.
    package struct File: Sendable {
        let path: String
        let bytes: [UInt8]
        let digest: Digest
    }

    /// The blob that every version has beside its files.
    static let config = File(path: "", bytes: Array("{}".utf8), digest: sha256(Array("{}".utf8)))

    /// The number of the version, of its own in a round.
    package let version: Int
    /// Its files, in the order of their paths.
    package let files: [File]

    /// The version's content. `isLong` adds a file that is moved in chunks.
    package init(version: Int, seed: UInt64, isLong: Bool = false) {
        var chance = Chance(seed: seed ^ UInt64(version) &* 0xA076_1D64_78BD_642F)
        var files: [(String, [UInt8])] = [("content", Array("version \(version) of \(seed)\n".utf8))]
        // A few contents that several versions have: blobs that come, are shared, go and come again.
        let pool = chance.number(0...3)
        var shared = Chance(seed: seed &+ UInt64(pool))
        files.append(("shared", shared.bytes(700 + pool * 9000)))
        if chance.happens(30) { files.append(("empty", [])) }
        // Over what the catalog holds of an upload.
        if chance.happens(25) { files.append(("middle", chance.bytes(140_000 + chance.number(0...60_000)))) }
        if isLong {
            // Alike in all versions but for one place.
            var long = Chance(seed: seed &+ 99).series(9 << 20)
            let place = chance.number(0...long.count - 1000)
            long.replaceSubrange(place..<place + 1000, with: chance.bytes(1000))
            files.append(("long", long))
        }
        self.version = version
        self.files = files.map { File(path: $0.0, bytes: $0.1, digest: sha256($0.1)) }
    }

    /// Its blobs.
    package var blobs: Set<Digest> { Set(files.map(\.digest)) }

    /// Its paths with their digests, as somebody who reads it finds them.
    package var listing: [String: Digest] { Dictionary(uniqueKeysWithValues: files.map { ($0.path, $0.digest) }) }
}
