package import RxModel

/// Finds chunks in a few bases.
package struct ChunkMap {
    private struct Place {
        let base: Int32
        let position: Int32
    }

    private struct Base {
        let chunks: [Chunk]
        let offsets: [Int]
    }

    private var bases: [Base] = []
    private var places: [UInt64: Place] = [:]

    /// Knows no base.
    package init() {}

    /// How many bases there are.
    package var count: Int { bases.count }

    /// Adds a base behind the others; what several have is found in the first of them. False, and nothing is added, when they would have
    /// more chunks together than one blob may have.
    package mutating func add(_ index: ChunkIndex) -> Bool {
        guard bases.reduce(index.chunks.count, { $0 + $1.chunks.count }) <= ChunkIndex.countLimit else { return false }
        var offsets: [Int] = []
        offsets.reserveCapacity(index.chunks.count)
        var offset = 0
        places.reserveCapacity(places.count + index.chunks.count)
        for (position, chunk) in index.chunks.enumerated() {
            offsets.append(offset)
            offset += chunk.length
            if places[chunk.id] == nil { places[chunk.id] = Place(base: Int32(bases.count), position: Int32(position)) }
        }
        bases.append(Base(chunks: index.chunks, offsets: offsets))
        return true
    }

    /// How many of `ids` are in some base.
    package func found(_ ids: [UInt64]) -> Int { ids.reduce(0) { $0 + (places[$1] == nil ? 0 : 1) } }

    /// The chunks of `ids` that are in some base, neighbours together, in order, at most `limit` runs.
    package func runs(_ ids: [UInt64], limit: Int = .max) -> [ChunkRun] {
        var runs: [ChunkRun] = []
        /// The base and position behind the last chunk that was found, when the one before was.
        var next: (base: Int, position: Int)?
        for (position, id) in ids.enumerated() {
            // What goes on where the last one ended is better than any other place.
            if let (base, at) = next, at < bases[base].chunks.count, bases[base].chunks[at].id == id {
                runs[runs.count - 1].count += 1
                runs[runs.count - 1].length += bases[base].chunks[at].length
                next = (base, at + 1)
            } else if let place = places[id] {
                guard runs.count < limit else { break }
                let base = Int(place.base)
                let at = Int(place.position)
                runs.append(
                    ChunkRun(
                        first: position, count: 1, base: base, offset: bases[base].offsets[at], length: bases[base].chunks[at].length))
                next = (base, at + 1)
            } else {
                next = nil
            }
        }
        return runs
    }
}
