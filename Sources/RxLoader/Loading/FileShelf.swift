public import RxModel

/// Gives the files of one resource, also those that have to be fetched first. The calls block.
public protocol FileShelf: Sendable {
    /// Whether a file can be read without asking anybody, as far as that is known without looking.
    func isHere(_ file: ResourceFile) -> Bool

    /// Those of some files that would have to be fetched.
    func missing(_ files: [ResourceFile]) throws -> [ResourceFile]

    /// Brings files here, and has them stay as long as the resource does. Throws a `ResourceError` naming the file and the registry when one
    /// cannot be had; `unreachable` when nobody can be asked for it.
    func fetch(_ files: [ResourceFile]) throws

    /// The bytes of a file, which is fetched first when it is not here.
    func open(_ file: ResourceFile) throws -> any ByteSource

    /// The same files, and nobody is ever asked for them.
    var offline: any FileShelf { get }
}

/// The files of a resource that is here as a whole.
struct WholeFiles: FileShelf {
    let source: @Sendable (Digest) throws -> any ByteSource

    func isHere(_ file: ResourceFile) -> Bool { true }

    func missing(_ files: [ResourceFile]) -> [ResourceFile] { [] }

    func fetch(_ files: [ResourceFile]) {}

    func open(_ file: ResourceFile) throws -> any ByteSource { try source(file.digest) }

    var offline: any FileShelf { self }
}
