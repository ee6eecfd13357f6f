public import RxModel

/// Which chunks of a list a registry has, and where: the answer to a list of ids. Source: Specs/13-chunks, "Asking".
public struct FoundChunks: Sendable, Equatable {
    /// The most runs of one answer; what is behind them counts as missing.
    public static let runLimit = 16_384

    /// The blobs that have them.
    public let bases: [Digest]
    /// The runs, in the order of the list.
    public let runs: [ChunkRun]

    /// Makes an answer.
    public init(bases: [Digest], runs: [ChunkRun]) {
        self.bases = bases
        self.runs = runs
    }

    /// Reads an answer. Throws `RegistryError` for what is none.
    public init(parsing bytes: [UInt8]) throws(RegistryError) {
        let json = try? JSON(parsing: bytes)
        guard let bases = json?["bases"]?.array, let runs = json?["runs"]?.array, runs.count <= FoundChunks.runLimit else {
            throw FoundChunks.broken
        }
        var digests: [Digest] = []
        for base in bases {
            guard let digest = base.string.flatMap({ Digest($0) }) else { throw FoundChunks.broken }
            digests.append(digest)
        }
        self.bases = digests
        var list: [ChunkRun] = []
        list.reserveCapacity(runs.count)
        for run in runs {
            guard let numbers = run.array?.compactMap(\.int), numbers.count == 5, numbers.allSatisfy({ $0 >= 0 }) else {
                throw FoundChunks.broken
            }
            list.append(ChunkRun(first: numbers[0], count: numbers[1], base: numbers[2], offset: numbers[3], length: numbers[4]))
        }
        self.runs = list
    }

    /// `{"bases": [digest...], "runs": [[first, count, base, offset, length]...]}`.
    public var json: JSON {
        .members([
            "bases": .array(bases.map { .string($0.description) }),
            "runs": .array(
                runs.map { .array([$0.first, $0.count, $0.base, $0.offset, $0.length].map { .integer($0) }) }),
        ])
    }

    private static let broken = RegistryError("the registry answered wrongly when asked for chunks", code: .invalidAnswer)
}
