import RxCrypto
import RxModel
import RxPosix

/// The SHA-256 of an upload as far as this process has seen it come.
struct UploadHash {
    private let hasher = SHA256Hasher()
    /// How many bytes it has taken.
    private(set) var count = 0

    init() {}

    /// The hash of a file from its start to its end.
    init(reading file: FileDescriptor) throws { try file.each { update($0) } }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        hasher.update(bytes)
        count += bytes.count
    }

    func finish() -> Digest { hasher.finish() }
}

extension FileDescriptor {
    /// Hands over the file's bytes from its start to its end.
    func each(_ body: (UnsafeRawBufferPointer) -> Void) throws {
        try withUnsafeTemporaryAllocation(byteCount: streamBufferSize, alignment: 16) { buffer in
            var at = 0
            while case let count = try read(into: buffer, at: at), count > 0 {
                body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                at += count
            }
        }
    }

    /// Hands the file's bytes to a hasher, from the first to the last.
    func hash(into hasher: SHA256Hasher) throws { try each { hasher.update($0) } }
}
