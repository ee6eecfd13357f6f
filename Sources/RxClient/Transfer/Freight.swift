import RxModel
import RxProtocol

/// A blob that is to travel, and its place in the manifest that names it: 0 is the config, 1 and on are the layers.
struct FreightItem: Equatable, Sendable {
    let position: Int
    let digest: Digest
    let size: Int
    /// The path of a file with this content, where it is known: what is like it probably has the same.
    var title: String?

    /// What it costs in a stream: its bytes, and about what its entry adds to them. A length that cannot be true is cut, so that no sum
    /// overflows.
    var cost: Int { min(size, FreightItem.longest) + 1024 }

    private static let longest = 1 << 40
}

/// How blobs travel: the large ones alone, the others in streams. Source: Specs/12-transfer, "Client".
struct Freight: Equatable, Sendable {
    /// From how many bytes on there is more than one stream, so that both ends and the line between them work at the same time.
    static let splitBytes = 16 << 20
    /// How many streams travel at once.
    static let lanes = 2

    /// Blobs that travel alone, the largest first.
    private(set) var large: [FreightItem] = []
    /// What each stream holds, in the order of the manifest.
    private(set) var streams: [[FreightItem]] = []

    /// Loads `items`, which are in the order of their positions, each digest once. A repository that `/v2/` cannot name takes nothing alone.
    init(_ items: [FreightItem], largeAlone: Bool = true) {
        let longest = largeAlone ? TransferWire.largeBlob : .max
        let small = items.filter { $0.size <= longest }
        large = items.filter { $0.size > longest }.sorted { $0.size > $1.size }
        let total = small.reduce(0) { $0 + $1.cost }
        guard total > Freight.splitBytes else {
            streams = small.isEmpty ? [] : [small]
            return
        }
        // Streams of one length: none of those that travel side by side waits long for the other.
        let count = max(Freight.lanes, (total + TransferWire.streamBytes - 1) / TransferWire.streamBytes)
        let share = (total + count - 1) / count
        var stream: [FreightItem] = []
        var filled = 0
        for item in small {
            if filled >= share || filled > 0 && filled + item.cost > TransferWire.streamBytes {
                streams.append(stream)
                (stream, filled) = ([], 0)
            }
            stream.append(item)
            filled += item.cost
        }
        if !stream.isEmpty { streams.append(stream) }
    }

    /// The one stream that everything fits in; nil when there is more than that, or nothing.
    var single: [FreightItem]? { large.isEmpty && streams.count == 1 ? streams[0] : nil }

    /// How many blobs travel.
    var count: Int { large.count + streams.reduce(0) { $0 + $1.count } }
}

extension FreightItem {
    /// What a resource names.
    static func list(of resource: ResourceManifest) -> [FreightItem] {
        list(
            config: (ResourceManifest.emptyConfigDigest, ResourceManifest.emptyConfig.count),
            layers: resource.files.lazy.map { ($0.digest, $0.size, $0.path.text) })
    }

    /// What a manifest names, config first, each digest at its first position only.
    static func list(config: (digest: Digest, size: Int)?, layers: some Sequence<(digest: Digest, size: Int, title: String?)>)
        -> [FreightItem]
    {
        var seen = Set<Digest>(minimumCapacity: layers.underestimatedCount + 1)
        var items: [FreightItem] = []
        items.reserveCapacity(layers.underestimatedCount + 1)
        if let config {
            seen.insert(config.digest)
            items.append(FreightItem(position: 0, digest: config.digest, size: config.size))
        }
        for (index, layer) in layers.enumerated() where seen.insert(layer.digest).inserted {
            items.append(FreightItem(position: index + 1, digest: layer.digest, size: layer.size, title: layer.title))
        }
        return items
    }
}

extension Sequence<Descriptor> {
    /// Those of the blobs that are named by their SHA-256 and not written into a manifest, in this order.
    var freight: [FreightItem] {
        var seen: Set<Digest> = []
        var items: [FreightItem] = []
        for blob in self {
            guard blob.data == nil, let digest = blob.digest.sha256, seen.insert(digest).inserted else { continue }
            items.append(FreightItem(position: items.count, digest: digest, size: blob.size, title: blob.title))
        }
        return items
    }
}
