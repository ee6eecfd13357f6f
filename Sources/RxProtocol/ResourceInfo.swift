public import RxModel

/// What a registry says of one resource: the answer to `GET /api/v1/resource/:locator`. Source: Specs/06-http.
public struct ResourceInfo: Sendable, Equatable {
    /// Where it is stored, without a registry: path, name and tag.
    public let locator: Locator
    /// The tree digest.
    public let digest: Digest
    /// The SHA-256 of the manifest's bytes.
    public let manifestDigest: Digest
    /// The manifest's media type; nil when the registry does not say, as one without `/v2/` does not.
    public let mediaType: String?
    /// The kind of artifact; nil when there is none to say.
    public let artifactType: String?
    /// The sum of the files' sizes in bytes.
    public let size: Int
    /// The number of files.
    public let fileCount: Int
    /// When the tag was first put, in seconds since 1970.
    public let createdAt: Int
    /// When the tag was last put, in seconds since 1970.
    public let updatedAt: Int
    /// What the resource says of itself: exact when `files` is there, else with the path and tag it is stored under.
    public let definition: Definition
    /// The files, when they were asked for.
    public let files: [ResourceFile]?

    /// Describes a stored resource.
    public init(
        locator: Locator, digest: Digest, manifestDigest: Digest, mediaType: String? = nil, artifactType: String? = nil, size: Int,
        fileCount: Int, createdAt: Int, updatedAt: Int, definition: Definition, files: [ResourceFile]? = nil
    ) {
        self.locator = locator
        self.digest = digest
        self.manifestDigest = manifestDigest
        self.mediaType = mediaType
        self.artifactType = artifactType
        self.size = size
        self.fileCount = fileCount
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.definition = definition
        self.files = files
    }

    /// The members that are the registry's own words; a definition's members of the same names are seen only in `definition`.
    private static let reserved: Set<String> = [
        "locator", "digest", "manifestDigest", "mediaType", "artifactType", "size", "fileCount", "createdAt", "updatedAt", "files",
        "definition",
    ]

    /// The answer as JSON: the definition's keys with the registry's own beside them.
    public var json: JSON {
        var members = definition.members.filter { !ResourceInfo.reserved.contains($0.key) }
        members["locator"] = .string(locator.at(registry: nil).description)
        members["path"] = locator.path.map { .string($0) }
        members["name"] = .string(locator.name)
        members["tag"] = .string(locator.tag)
        members["digest"] = .string(digest.description)
        members["manifestDigest"] = .string(manifestDigest.description)
        members["mediaType"] = mediaType.map { .string($0) }
        members["artifactType"] = artifactType.map { .string($0) }
        members["size"] = .integer(size)
        members["fileCount"] = .integer(fileCount)
        members["createdAt"] = .string(Timestamp.text(createdAt))
        members["updatedAt"] = .string(Timestamp.text(updatedAt))
        if let files {
            members["files"] = .array(files.map(\.json))
            members["definition"] = definition.json
        }
        return .object(members)
    }

    /// The answer's text with files, which are written one by one: the list may be long.
    package func canonical(with files: [ResourceFile]) -> [UInt8] {
        json.canonical(with: ["files": JSON.list(files) { $0.json }, "definition": definition.json.canonical])
    }

    /// Reads an answer. Throws `RegistryError` for a member that is missing or of the wrong kind; unknown ones are part of the definition.
    public init(parsing bytes: [UInt8]) throws(RegistryError) {
        let answer = try Answer(parsing: bytes, "answer about a resource")
        locator = try answer.locator("locator")
        digest = try answer.digest("digest")
        manifestDigest = try answer.digest("manifestDigest")
        mediaType = try answer.optionalString("mediaType")
        artifactType = try answer.optionalString("artifactType")
        size = try answer.int("size")
        fileCount = try answer.int("fileCount")
        createdAt = try answer.time("createdAt")
        updatedAt = try answer.time("updatedAt")
        let named = (path: try answer.optionalString("path"), name: try answer.string("name"), tag: try answer.string("tag"))
        guard named == (locator.path, locator.name, locator.tag) else {
            throw Answer.fail("the registry's answer names the resource twice and differently: \(locator)")
        }
        files = answer.json["files"] == nil ? nil : try ResourceInfo.files(answer)
        let merged = answer.json.object!.filter { !ResourceInfo.reserved.contains($0.key) && $0.value != .null }
        do { definition = try Definition(answer.json["definition"] ?? .object(merged), isStored: true) } catch {
            throw Answer.fail("the registry's definition of \(locator) is not valid: \(error)", cause: error)
        }
    }

    private static func files(_ answer: Answer) throws(RegistryError) -> [ResourceFile] {
        var files: [ResourceFile] = []
        for json in try answer.array("files") { files.append(try ResourceFile(json)) }
        return files
    }
}

extension ResourceFile {
    /// Reads one element of `files`. Throws `RegistryError`.
    public init(_ json: JSON) throws(RegistryError) {
        let answer = try Answer(json, "list of files")
        let path: FilePath
        do { path = try FilePath(parsing: answer.string("path")) } catch {
            throw Answer.fail("the registry's list of files holds a path that is refused: \(error)", cause: error)
        }
        self.init(
            path: path, digest: try answer.digest("digest"), size: try answer.int("size"), executable: json["executable"]?.bool ?? false,
            symlink: try answer.optionalString("symlink"))
    }
}
