import Glibc
import RxHTTP
import RxModel
import RxPosix
import RxProtocol

/// Receives the parts of a publish: the small ones in memory, the archive in a file that has no name.
///
/// The server calls it on one thread at a time.
final class PublishUpload: UploadReceiver, @unchecked Sendable {
    /// What came.
    struct Parts {
        var locator: [UInt8]?
        var manifest: [UInt8]?
        var content: FileDescriptor?
    }

    private enum Target { case locator, manifest, content, nothing }

    /// A locator is at most 256 bytes, three times as many when they are escaped.
    private static let locatorLimit = 4 << 10

    private var reader: MultipartReader
    private let spoolDirectory: String
    private let definitionLimit: Int
    private let complete: @Sendable (Parts) -> HTTPResponse
    private let failed: @Sendable (any Error) -> HTTPResponse
    private var parts = Parts()
    private var seen: Set<String> = []
    private var target = Target.nothing

    /// Throws `RegistryError` for a body that is not multipart/form-data.
    init(
        contentType: String?, spoolDirectory: String, definitionLimit: Int, failed: @escaping @Sendable (any Error) -> HTTPResponse,
        complete: @escaping @Sendable (Parts) -> HTTPResponse
    ) throws(RegistryError) {
        reader = try MultipartReader(contentType: contentType)
        self.spoolDirectory = spoolDirectory
        self.definitionLimit = definitionLimit
        self.failed = failed
        self.complete = complete
    }

    func receive(_ bytes: UnsafeRawBufferPointer) -> HTTPResponse? {
        do {
            try reader.read(bytes) { event in
                switch event {
                case .partBegan(let part): try begin(part)
                case .content(let bytes): try add(bytes)
                case .partEnded: target = .nothing
                }
            }
            return nil
        } catch { return failed(error) }
    }

    func finish() -> HTTPResponse {
        guard reader.isComplete else {
            return failed(RegistryError("the multipart body ends before its last boundary", code: .invalidRequest))
        }
        return complete(parts)
    }

    private func begin(_ part: MultipartReader.Part) throws {
        target = .nothing
        guard let name = part.name, [PublishPart.locator, PublishPart.manifest, PublishPart.content].contains(name) else { return }
        guard seen.insert(name).inserted else { throw RegistryError("the part \"\(name)\" was sent twice", code: .invalidRequest) }
        switch name {
        case PublishPart.locator where !part.isFile:
            target = .locator
            parts.locator = []
        case PublishPart.manifest where part.isFile:
            target = .manifest
            parts.manifest = []
        case PublishPart.content where part.isFile:
            target = .content
            parts.content = try SpoolFile.make(in: spoolDirectory)
        default: break
        }
    }

    private func add(_ bytes: UnsafeRawBufferPointer) throws {
        switch target {
        case .locator:
            guard parts.locator!.count + bytes.count <= PublishUpload.locatorLimit else {
                throw LocatorError("Locator too long", locator: String(decoding: parts.locator!.prefix(Locator.lengthLimit), as: UTF8.self))
            }
            parts.locator!.append(contentsOf: bytes)
        case .manifest:
            guard parts.manifest!.count + bytes.count <= definitionLimit else {
                throw RegistryError("the part \"manifest\" is longer than \(definitionLimit) bytes", code: .contentTooLarge)
            }
            parts.manifest!.append(contentsOf: bytes)
        case .content: try parts.content!.write(bytes)
        case .nothing: break
        }
    }
}

/// A file for passing bytes that goes away by itself, also when the process is killed.
enum SpoolFile {
    /// An empty file without a name in `folder`, which is made when it is missing. Throws `PosixError`.
    static func make(in folder: String) throws(PosixError) -> FileDescriptor {
        do { return try FileDescriptor.open(folder, temporary | O_RDWR, mode: 0o600) } catch {
            switch error.errno {
            case ENOENT:
                try Files.makeFolders(folder)
                return try named(in: folder)
            case EOPNOTSUPP, EISDIR, EINVAL: return try named(in: folder)
            default: throw error
            }
        }
    }

    /// O_TMPFILE, which is too much of a macro to be imported.
    private static let temporary: Int32 = 0o20000000 | O_DIRECTORY

    /// For file systems that cannot make a file without a name: the name goes at once.
    private static func named(in folder: String) throws(PosixError) -> FileDescriptor {
        let path = "\(folder)/upload-\(RandomName.make())"
        let file = try FileDescriptor.open(path, O_RDWR | O_CREAT | O_EXCL, mode: 0o600)
        try Files.remove(path)
        return file
    }
}
