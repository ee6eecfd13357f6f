import RxCrypto
import RxModel

/// Uploads and reads versions through `/v2/`, as any OCI client does.
struct Registry {
    let wire: Wire

    private static let manifestType = "application/vnd.oci.image.manifest.v1+json"

    /// Uploads one blob; gives whether the registry says that it has it.
    func upload(_ file: Content.File, to repository: String, inParts: Bool) -> Bool {
        guard inParts else {
            return wire.ask("POST", "/v2/\(repository)/blobs/uploads/?digest=\(file.digest)", file.bytes)?.status == 201
        }
        guard let begun = wire.ask("POST", "/v2/\(repository)/blobs/uploads/"), begun.status == 202,
            var place = begun.headers["location"].map(path)
        else { return false }
        for part in [file.bytes[..<(file.bytes.count / 2)], file.bytes[(file.bytes.count / 2)...]] where !part.isEmpty {
            guard let taken = wire.ask("PATCH", place, Array(part)), taken.status == 202, let next = taken.headers["location"] else {
                return false
            }
            place = path(next)
        }
        return wire.ask("PUT", "\(place)\(place.contains("?") ? "&" : "?")digest=\(file.digest)")?.status == 201
    }

    /// Sends a blob and takes it back before its end.
    func cancel(_ file: Content.File, to repository: String) {
        guard let begun = wire.ask("POST", "/v2/\(repository)/blobs/uploads/"), let place = begun.headers["location"].map(path) else {
            return
        }
        let taken = wire.ask("PATCH", place, file.bytes)
        _ = wire.ask("DELETE", taken?.headers["location"].map(path) ?? place)
    }

    private func path(_ location: String) -> String {
        guard let scheme = location.firstRange(of: "://") else { return location }
        return location[scheme.upperBound...].firstIndex(of: "/").map { String(location[$0...]) } ?? "/"
    }

    /// Uploads a version whole; gives whether the registry says that it has it.
    func upload(_ content: Content, to repository: String, tag: String, inParts: Bool) -> Bool {
        let config = Content.config
        for file in content.files + [config] where !upload(file, to: repository, inParts: inParts) { return false }
        let layers = content.files.map { file in
            JSON.members([
                "mediaType": "application/octet-stream", "digest": .string(file.digest.description), "size": .integer(file.bytes.count),
                "annotations": .members(["org.opencontainers.image.title": .string(file.path)]),
            ])
        }
        let manifest = JSON.members([
            "schemaVersion": 2, "mediaType": .string(Registry.manifestType), "artifactType": "application/vnd.rx.torture.v1",
            "config": .members([
                "mediaType": "application/vnd.oci.empty.v1+json", "digest": .string(config.digest.description), "size": 2,
            ]),
            "layers": .array(layers),
        ])
        let answer = wire.ask("PUT", "/v2/\(repository)/manifests/\(tag)", Array(manifest.text.utf8), type: Registry.manifestType)
        return answer?.status == 201
    }

    /// Deletes a tag; gives the status of the answer, nil when there was none.
    func delete(_ repository: String, tag: String) -> Int? { wire.ask("DELETE", "/v2/\(repository)/manifests/\(tag)")?.status }

    /// What somebody who reads a tag is given: of which version it is, looked up in `contents`. In words, too.
    func read(_ repository: String, tag: String, _ contents: [Int: Content]) -> (Event.Outcome, String) {
        guard let answer = wire.ask("GET", "/v2/\(repository)/manifests/\(tag)", accept: Registry.manifestType) else {
            return (.failed, "no answer")
        }
        if answer.status == 404 { return (.absent, "404") }
        guard answer.status == 200 else {
            return (.failed, "manifest: \(answer.status) \(String(decoding: answer.body.prefix(200), as: UTF8.self))")
        }
        if let name = answer.headers["docker-content-digest"], name != sha256(answer.body).description {
            return (.wrong, "the manifest is not \(name)")
        }
        guard let layers = (try? JSON(parsing: answer.body))?["layers"]?.array else { return (.wrong, "the manifest has no layers") }
        var listing: [String: Digest] = [:]
        for layer in layers {
            guard let digest = layer["digest"]?.string, let title = layer["annotations"]?["org.opencontainers.image.title"]?.string else {
                return (.wrong, "a layer without a name")
            }
            listing[title] = Digest(digest)
        }
        guard let content = contents.values.first(where: { $0.listing == listing }) else {
            return (.wrong, "the manifest is that of no version")
        }
        for file in content.files {
            switch read(file.digest, in: repository) {
            case .found: continue
            case .absent: return (.failed, "version \(content.version): \(file.path) \(file.digest): 404")
            case .broken:
                return (.broken(content.version), "version \(content.version): \(file.path) \(file.digest): other bytes than its name says")
            case .failed(let why): return (.failed, "version \(content.version): \(file.path) \(file.digest): \(why)")
            }
        }
        return (.found(content.version), "")
    }

    /// What came of reading a blob.
    enum BlobAnswer {
        case found, absent, failed(String)
        /// Bytes came that are not those of the digest: whoever asks for a blob by its digest sees that.
        case broken
    }

    /// Reads one blob.
    func read(_ digest: Digest, in repository: String) -> BlobAnswer {
        guard let answer = wire.ask("GET", "/v2/\(repository)/blobs/\(digest)") else { return .failed("no whole answer") }
        if answer.status == 404 { return .absent }
        guard answer.status == 200 else { return .failed("\(answer.status)") }
        return sha256(answer.body) == digest ? .found : .broken
    }
}
