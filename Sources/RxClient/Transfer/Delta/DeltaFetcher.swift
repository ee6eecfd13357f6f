import RxChunks
import RxModel
import RxStore

/// Brings a large blob into the local store by what differs from those that are there. Source: Specs/13-chunks, "Pull".
struct DeltaFetcher {
    /// Missing bytes with fewer than these between them are fetched in one piece.
    static let gap = 32 << 10
    /// A blob with more pieces to fetch is fetched whole.
    static let pieceLimit = 256
    /// Up to how many bytes a piece is held in memory.
    private static let heldBytes = 256 << 10

    let client: DistributionClient
    let repository: String
    let store: any Store
    /// The indexes of local blobs.
    let indexes: ChunkIndexCache

    /// Stages a blob that is made from `bases`, the best first, and what they lack, and says whether that was done: if not, for whatever
    /// reason, the blob is to be fetched whole. `title` is the path of the file that it is.
    func fetch(_ blob: StagedBlob, title: String?, from bases: [StagedBlob], into operation: any StoreOperation) -> Bool {
        guard !bases.isEmpty, DeltaChoice.mayPay(size: blob.size, title: title) else { return false }
        var used: [StagedBlob] = []
        do {
            let calls = DeltaCalls(client: client, repository: repository)
            guard let index = try calls.index(of: blob.digest, size: blob.size) else { return false }
            let (map, contents) = look(for: index, in: bases, &used)
            let delta = Delta(of: index, runs: map.runs(index.chunks.map(\.id)), bases: used.map(\.digest))
            let pieces = DeltaFetcher.pieces(delta)
            guard DeltaChoice.pays(reused: delta.copiedBytes, of: blob.size),
                pieces.count(where: \.isFresh) <= DeltaFetcher.pieceLimit
            else { return false }
            _ = try operation.stage(source(pieces, calls, blob, contents), expecting: blob.digest)
            // The next version will be compared with this one.
            indexes.keep(index, of: blob.digest)
            return true
        } catch {
            // An index that led here is made again next time. Fetching the blob whole shows whether the trouble was with the chunks alone.
            for base in used { indexes.forget(base.digest) }
            return false
        }
    }

    /// Looks for the chunks in one base after the other until most are found.
    private func look(for index: ChunkIndex, in bases: [StagedBlob], _ used: inout [StagedBlob]) -> (ChunkMap, [any ByteRegion]) {
        let ids = index.chunks.map(\.id)
        var map = ChunkMap()
        var contents: [any ByteRegion] = []
        for base in bases {
            // A base that is gone is none.
            guard let content = try? store.content(of: base).region(),
                let known = try? indexes.index(of: base, { RegionSource(content) }), map.add(known)
            else { continue }
            contents.append(content)
            used.append(base)
            if map.found(ids) * 16 >= ids.count * DeltaChoice.enough { break }
        }
        return (map, contents)
    }

    /// One part of the blob as it is put together.
    struct Piece: Equatable {
        /// Whether it is fetched.
        var isFresh: Bool
        /// Which base has it otherwise.
        var base: Int
        /// Where it is there, or in the blob when it is fetched.
        var range: Range<Int>
    }

    /// The parts of a delta, with short copies between two parts to fetch fetched with them.
    static func pieces(_ delta: Delta) -> [Piece] {
        var pieces: [Piece] = []
        var offset = 0
        for (position, part) in delta.parts.enumerated() {
            let next = position + 1 < delta.parts.count ? delta.parts[position + 1] : nil
            var isFresh = false
            var piece: Piece
            switch part {
            case .fresh(let range):
                isFresh = true
                piece = Piece(isFresh: true, base: 0, range: range)
            case .copy(let base, let range):
                piece = Piece(isFresh: false, base: base, range: range)
                // Two parts to fetch with little between them: one request is worth more than the bytes.
                if range.count < gap, pieces.last?.isFresh == true, case .fresh = next {
                    isFresh = true
                    piece = Piece(isFresh: true, base: 0, range: offset..<offset + range.count)
                }
            }
            offset += piece.range.count
            if isFresh, let last = pieces.last, last.isFresh {
                pieces[pieces.count - 1].range = last.range.lowerBound..<piece.range.upperBound
            } else {
                pieces.append(piece)
            }
        }
        return pieces
    }

    private func source(_ pieces: [Piece], _ calls: DeltaCalls, _ blob: StagedBlob, _ contents: [any ByteRegion]) -> any ByteSource {
        JoinedSource { position in
            guard position < pieces.count else { return nil }
            let piece = pieces[position]
            guard piece.isFresh else { return RegionSource(contents[piece.base], piece.range) }
            guard piece.range.count > DeltaFetcher.heldBytes else {
                let sink = BytesSink(limit: piece.range.count)
                try calls.fetch(piece.range, of: blob.digest, size: blob.size, into: sink)
                return BytesSource(sink.bytes)
            }
            return BytePipe.source { try calls.fetch(piece.range, of: blob.digest, size: blob.size, into: $0) }
        }
    }
}
