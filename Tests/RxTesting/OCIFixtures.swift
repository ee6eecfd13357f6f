public import Foundation
import RxCrypto
public import RxModel

/// What names a blob or a manifest of an OCI image layout. Source: OCI image specification, descriptor.md.
public struct OCIDescriptor: Sendable {
    /// The media type.
    public let mediaType: String
    /// The digest of the bytes.
    public let digest: Digest
    /// The number of bytes.
    public let size: Int
    /// The architecture of an image for linux; nil on what is no image.
    public var architecture: String?

    /// Describes bytes.
    public init(of bytes: [UInt8], _ mediaType: String) {
        self.mediaType = mediaType
        digest = sha256(bytes)
        size = bytes.count
    }

    /// The descriptor as JSON, with the platform and more members.
    public func json(_ more: [String: JSON] = [:]) -> JSON {
        var members: [String: JSON] = [
            "mediaType": .string(mediaType), "digest": .string(digest.description), "size": .integer(size),
        ]
        if let architecture { members["platform"] = .object(["architecture": .string(architecture), "os": "linux"]) }
        return .object(members.merging(more) { $1 })
    }
}

/// An OCI image layout in a folder of its own, as other programs read it: images without a base, and indexes of them.
/// Source: OCI image specification, image-layout.md.
public struct OCILayout: Sendable {
    /// The media types that a layout holds.
    public enum Media {
        /// An image's configuration.
        public static let config = "application/vnd.oci.image.config.v1+json"
        /// A layer: a tar archive, without compression.
        public static let tar = "application/vnd.oci.image.layer.v1.tar"
        /// A layer: a tar archive in gzip.
        public static let gzip = "application/vnd.oci.image.layer.v1.tar+gzip"
        /// An image index.
        public static let index = "application/vnd.oci.image.index.v1+json"
        /// Docker's image manifest, version 2, schema 2.
        public static let docker = "application/vnd.docker.distribution.manifest.v2+json"
        /// Docker's list of manifests.
        public static let dockerList = "application/vnd.docker.distribution.manifest.list.v2+json"
    }

    /// Where the layout is.
    public let folder: TemporaryFolder
    /// Where the layout is, as text.
    public var path: String { folder.path }

    /// Makes an empty layout.
    public init() throws {
        folder = try TemporaryFolder()
        try folder.write("oci-layout", #"{"imageLayoutVersion":"1.0.0"}"#)
    }

    /// Writes a blob; gives what names it.
    public func add(_ bytes: [UInt8], _ mediaType: String) throws -> OCIDescriptor {
        let descriptor = OCIDescriptor(of: bytes, mediaType)
        try folder.write("blobs/sha256/\(descriptor.digest.hex)", bytes)
        return descriptor
    }

    /// Writes a JSON document as a blob; gives what names it.
    public func add(_ json: JSON, _ mediaType: String) throws -> OCIDescriptor { try add(json.canonical, mediaType) }

    /// The bytes of a blob.
    public func bytes(_ descriptor: OCIDescriptor) throws -> Data {
        try Data(contentsOf: folder.url.appendingPathComponent("blobs/sha256/\(descriptor.digest.hex)"))
    }

    /// Writes an image for linux with one layer that holds the given files; a layer in gzip, or a plain archive.
    public func addImage(_ architecture: String = "amd64", _ files: [String: [UInt8]], compressed: Bool = true) throws -> OCIDescriptor {
        let tree = try TemporaryFolder()
        for (path, bytes) in files { try tree.write(path, bytes) }
        let archive = try run(
            "/usr/bin/tar", ["--create", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "."], in: tree.path
        ).output
        let packed = compressed ? try run("/usr/bin/gzip", ["--no-name"], input: archive).output : archive
        let layer = try add([UInt8](packed), compressed ? Media.gzip : Media.tar)
        let config = try add(
            .object([
                "architecture": .string(architecture), "os": "linux", "config": .object(["Labels": .object(["made-by": "a test"])]),
                "rootfs": .object(["type": "layers", "diff_ids": .array([.string(sha256([UInt8](archive)).description)])]),
                "history": .array([.object(["created_by": "a test"])]),
            ]), Media.config)
        var manifest = try add(
            .object([
                "schemaVersion": 2, "mediaType": .string(MediaType.imageManifest), "config": config.json(),
                "layers": .array([layer.json()]),
            ]), MediaType.imageManifest)
        manifest.architecture = architecture
        return manifest
    }

    /// Writes an index of manifests.
    public func addIndex(_ manifests: [OCIDescriptor]) throws -> OCIDescriptor {
        try add(
            .object([
                "schemaVersion": 2, "mediaType": .string(Media.index), "manifests": .array(manifests.map { $0.json() }),
            ]), Media.index)
    }

    /// Names what the layout offers to other programs; takes the place of earlier names.
    public func name(_ names: KeyValuePairs<String, OCIDescriptor>) throws {
        let entries = names.map { name, descriptor in
            descriptor.json(["annotations": .object(["org.opencontainers.image.ref.name": .string(name)])])
        }
        try folder.write(
            "index.json", JSON.object(["schemaVersion": 2, "mediaType": .string(Media.index), "manifests": .array(entries)]).canonical)
    }

    /// A layout with `one`, an image for amd64, and `multi`, an index of it and an image for arm64.
    public static func twoPlatforms() throws -> (layout: OCILayout, amd64: OCIDescriptor, arm64: OCIDescriptor, index: OCIDescriptor) {
        let layout = try OCILayout()
        let amd64 = try layout.addImage("amd64", ["hello": Array("hello from amd64\n".utf8)])
        let arm64 = try layout.addImage("arm64", ["hello": Array("hello from arm64\n".utf8)])
        let index = try layout.addIndex([amd64, arm64])
        try layout.name(["one": amd64, "multi": index])
        return (layout, amd64, arm64, index)
    }
}
