public import RxModel

/// The answer to a stream of blobs without a commit.
public struct StoredAnswer: Sendable, Equatable {
    /// How many blobs came.
    public let stored: Int
    /// Their bytes.
    public let bytes: Int

    /// Makes an answer.
    public init(stored: Int, bytes: Int) {
        self.stored = stored
        self.bytes = bytes
    }

    /// The answer as JSON.
    public var json: JSON { .members(["stored": .integer(stored), "bytes": .integer(bytes)]) }

    /// Reads an answer. Throws `RegistryError` for a member that is missing or of the wrong kind.
    public init(parsing bytes: [UInt8]) throws(RegistryError) {
        let answer = try Answer(parsing: bytes, "answer to a stream of blobs")
        self.init(stored: try answer.int("stored"), bytes: try answer.int("bytes"))
    }
}

/// The answer (202) to a commit whose manifest names blobs that the registry does not have yet.
public struct PendingAnswer: Sendable, Equatable {
    /// Which ones.
    public let missing: BlobPositions
    /// The bytes that they have together.
    public let bytes: Int

    /// Makes an answer.
    public init(missing: BlobPositions, bytes: Int) {
        self.missing = missing
        self.bytes = bytes
    }

    /// The answer as JSON.
    public var json: JSON { .members(["missing": missing.json, "count": .integer(missing.count), "bytes": .integer(bytes)]) }

    /// Reads an answer. Throws `RegistryError` for a member that is missing or wrong.
    public init(parsing bytes: [UInt8]) throws(RegistryError) {
        let answer = try Answer(parsing: bytes, "answer to a commit")
        guard let missing = answer.json["missing"].flatMap({ BlobPositions($0) }), missing.count == (try answer.int("count")),
            missing.count > 0
        else { throw answer.fault("missing", "a list of positions") }
        self.init(missing: missing, bytes: try answer.int("bytes"))
    }
}

/// The answer to "which of these are missing".
public struct MissingAnswer: Sendable, Equatable {
    /// The digests of the blobs that the registry does not have, in the order that they were asked for.
    public let missing: [Digest]

    /// Makes an answer.
    public init(missing: [Digest]) { self.missing = missing }

    /// The answer's text; the list may be long.
    public var canonical: [UInt8] {
        JSON.object([:]).canonical(with: ["missing": JSON.list(missing) { .string($0.description) }])
    }

    /// Reads an answer. Throws `RegistryError` for a member that is missing or of the wrong kind.
    public init(parsing bytes: [UInt8]) throws(RegistryError) {
        let answer = try Answer(parsing: bytes, "list of missing blobs")
        var missing: [Digest] = []
        for json in try answer.array("missing") {
            guard let digest = json.string.flatMap({ Digest($0) }) else { throw answer.fault("missing", "a list of digests") }
            missing.append(digest)
        }
        self.init(missing: missing)
    }
}
