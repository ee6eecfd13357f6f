public import RxModel

/// Asks which of many blobs a repository's registry does not have.
public struct MissingQuery: Sendable, Equatable {
    /// One blob.
    public struct Blob: Sendable, Equatable {
        /// Its SHA-256.
        public let digest: Digest
        /// Its length in bytes.
        public let size: Int

        /// Names a blob.
        public init(digest: Digest, size: Int) {
            self.digest = digest
            self.size = size
        }
    }

    /// The repository that those which are there are shown in.
    public let repository: String
    /// What is asked for, at most `TransferWire.mostBlobs`.
    public let blobs: [Blob]

    /// Makes a query.
    public init(repository: String, blobs: [Blob]) {
        self.repository = repository
        self.blobs = blobs
    }

    /// The query's text; the list may be long.
    public var canonical: [UInt8] {
        let list = JSON.list(blobs) { .object(["digest": .string($0.digest.description), "size": .integer($0.size)]) }
        return JSON.object(["repository": .string(repository)]).canonical(with: ["blobs": list])
    }

    /// Reads a query. Throws `RegistryError` (`invalidRequest`, `digestInvalid`) that says what is wrong.
    public init(parsing bytes: [UInt8]) throws(RegistryError) {
        let question = try Question(parsing: bytes)
        repository = try question.text("repository")
        var blobs: [Blob] = []
        for (index, json) in try question.list("blobs").enumerated() {
            let digest = try Question.digest(json["digest"], "blobs[\(index)].digest")
            guard let size = json["size"]?.int, size >= 0 else {
                throw Question.fault("blobs[\(index)].size must be a whole number, 0 or more")
            }
            blobs.append(Blob(digest: digest, size: size))
        }
        self.blobs = blobs
    }
}

/// Asks for many blobs of a repository in one stream.
public struct FetchQuery: Sendable, Equatable {
    /// How the blobs are named.
    public enum Selection: Sendable, Equatable {
        /// One by one, at most `TransferWire.mostBlobs`.
        case digests([Digest])
        /// By their places in a manifest of the repository.
        case positions(BlobPositions, manifest: Digest)
    }

    /// The repository that shows them.
    public let repository: String
    /// Which ones, in the order that they are sent in.
    public let selection: Selection

    /// Makes a query.
    public init(repository: String, _ selection: Selection) {
        self.repository = repository
        self.selection = selection
    }

    /// The query's text; the list may be long.
    public var canonical: [UInt8] {
        let repository = JSON.string(repository)
        switch selection {
        case .digests(let digests):
            return JSON.object(["repository": repository])
                .canonical(with: ["digests": JSON.list(digests) { .string($0.description) }])
        case .positions(let positions, let manifest):
            return JSON.object(["repository": repository, "manifest": .string(manifest.description), "positions": positions.json]).canonical
        }
    }

    /// Reads a query. Throws `RegistryError` (`invalidRequest`, `digestInvalid`) that says what is wrong.
    public init(parsing bytes: [UInt8]) throws(RegistryError) {
        let question = try Question(parsing: bytes)
        repository = try question.text("repository")
        guard question.json["digests"] != nil || question.json["manifest"] != nil else {
            throw Question.fault("it needs digests, or manifest and positions")
        }
        guard question.json["digests"] != nil else {
            let manifest = try Question.digest(question.json["manifest"], "manifest")
            guard let positions = question.json["positions"].flatMap({ BlobPositions($0) }) else {
                throw Question.fault("positions must be a list of ascending pairs [first, last] that do not touch")
            }
            selection = .positions(positions, manifest: manifest)
            return
        }
        var digests: [Digest] = []
        for (index, json) in try question.list("digests").enumerated() { digests.append(try Question.digest(json, "digests[\(index)]")) }
        selection = .digests(digests)
    }
}

/// Reads the members of a request in JSON. What is absent or of the wrong kind is named in the error.
private struct Question {
    let json: JSON

    init(parsing bytes: [UInt8]) throws(RegistryError) {
        do { json = try JSON(parsing: bytes) } catch { throw Question.fault("it is not JSON: \(error)") }
        guard json.object != nil else { throw Question.fault("it is not a JSON object") }
    }

    func text(_ key: String) throws(RegistryError) -> String {
        guard let text = json[key]?.string else { throw Question.fault("\(key) must be a text") }
        return text
    }

    func list(_ key: String) throws(RegistryError) -> [JSON] {
        guard let list = json[key]?.array else { throw Question.fault("\(key) must be a list") }
        guard list.count <= TransferWire.mostBlobs else {
            throw RegistryError(
                "\(key) names \(list.count) blobs, and a request may name \(TransferWire.mostBlobs)", code: .contentTooLarge,
                hint: "ask in several requests")
        }
        return list
    }

    static func digest(_ json: JSON?, _ what: String) throws(RegistryError) -> Digest {
        guard let text = json?.string else { throw fault("\(what) must be a digest") }
        guard let digest = Digest(text) else {
            throw RegistryError(
                "\(what) is no SHA-256 digest", code: .digestInvalid, hint: "write it like sha256: and 64 hexadecimal digits")
        }
        return digest
    }

    static func fault(_ reason: String) -> RegistryError {
        RegistryError("the request's body cannot be understood: \(reason)", code: .invalidRequest)
    }
}
