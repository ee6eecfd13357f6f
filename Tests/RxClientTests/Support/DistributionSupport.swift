import RxCrypto
import RxHTTP
import RxModel
import RxStore

@testable import RxClient

extension WireServer {
    /// A client of this server that does not wait long between attempts.
    func client(_ change: (inout DistributionClient.Limits) -> Void = { _ in }, base: String = "") throws -> DistributionClient {
        var client = DistributionClient(try RegistryURL(parsing: url(base)), transport: patient())
        client.limits.retry.pause = 0.01
        change(&client.limits)
        return client
    }
}

extension WireServer.Answer {
    /// An error as the protocol writes it.
    static func error(_ status: Int, _ code: String, _ message: String = "m") -> WireServer.Answer {
        WireServer.Answer(status, ["Content-Type": "application/json"], #"{"errors":[{"code":"\#(code)","message":"\#(message)"}]}"#.utf8)
    }
}

/// A blob of `count` bytes with its descriptor.
func blob(_ count: Int) -> (bytes: [UInt8], descriptor: Descriptor) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 2) }
    return (bytes, Descriptor(mediaType: "application/octet-stream", digest: .sha256(sha256(bytes)), size: count))
}

/// A manifest of one blob as it is put, and what it refers to.
func artifact(_ blob: Descriptor, subject: Descriptor? = nil, type: String = "application/vnd.test.v1") -> StoredArtifact {
    let config = Descriptor(mediaType: MediaType.emptyConfig, digest: .sha256(sha256(Array("{}".utf8))), size: 2)
    let json = JSON.members([
        "schemaVersion": 2, "mediaType": .string(MediaType.imageManifest), "artifactType": .string(type), "config": config.json,
        "layers": .array([blob.json]), "subject": subject?.json, "annotations": .object(["test": "yes"]),
    ])
    return StoredArtifact(bytes: json.canonical, mediaType: MediaType.imageManifest, digest: sha256(json.canonical))
}

/// How a manifest is named by another one.
func descriptor(_ artifact: StoredArtifact) -> Descriptor {
    Descriptor(mediaType: artifact.mediaType, digest: .sha256(artifact.digest), size: artifact.bytes.count)
}

extension DistributionClient {
    /// Fetches a blob whole.
    func bytes(_ blob: Descriptor, from repository: String = "team/a") throws -> [UInt8] {
        let sink = BytesSink()
        try fetch(blob, from: repository, into: sink)
        return sink.bytes
    }
}

/// What a call that changes its value gave: `#expect` takes no such call itself.
func outcome(_ value: Bool) -> Bool { value }
