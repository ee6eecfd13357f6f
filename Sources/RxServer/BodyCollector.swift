import RxHTTP
import RxModel
import RxPosix

/// Receives a body that is wanted whole: in memory while it is short, in a file that has no name when it is not, so that many that come
/// slowly hold little. The server calls it on one thread at a time.
final class BodyCollector: UploadReceiver, @unchecked Sendable {
    /// A body of up to this length stays in memory.
    private static let memoryLimit = 256 << 10

    private let limit: Int
    private let spoolDirectory: String
    private let call: Call
    private let context: ServerContext
    private let complete: @Sendable (BodyCollector) throws -> HTTPResponse
    private var bytes: [UInt8] = []
    private var file: FileDescriptor?

    /// The number of bytes received.
    private(set) var count = 0

    /// Takes at most `limit` bytes; `complete` is called once all came.
    init(
        limit: Int, spoolDirectory: String, _ call: Call, _ context: ServerContext,
        complete: @escaping @Sendable (BodyCollector) throws -> HTTPResponse
    ) {
        self.limit = limit
        self.spoolDirectory = spoolDirectory
        self.call = call
        self.context = context
        self.complete = complete
    }

    /// The whole body, in memory. Throws `PosixError`.
    func body() throws -> [UInt8] {
        guard let file else { return bytes }
        try file.rewind()
        return try FileSource(file).readAll(limit: limit)
    }

    /// The whole body, read once. Throws `PosixError`.
    func source() throws -> any ByteSource {
        guard let file else { return BytesSource(bytes) }
        try file.rewind()
        return FileSource(file)
    }

    func receive(_ part: UnsafeRawBufferPointer) -> HTTPResponse? {
        do {
            guard count + part.count <= limit else {
                throw RegistryError("the body is longer than \(limit) bytes", code: .contentTooLarge)
            }
            count += part.count
            if file == nil, count > BodyCollector.memoryLimit {
                let file = try SpoolFile.make(in: spoolDirectory)
                try file.write(bytes)
                self.file = file
                bytes = []
            }
            if let file { try file.write(part) } else { bytes.append(contentsOf: part) }
            return nil
        } catch { return context.failure(error, call) }
    }

    func finish() -> HTTPResponse {
        do { return try complete(self) } catch { return context.failure(error, call) }
    }
}
