import Glibc
package import RxChunks
import RxPosix

extension BlobContent {
    /// The bytes, to be read anywhere. Throws `PosixError`.
    package func region() throws -> any ByteRegion {
        switch self {
        case .file(let file): FileRegion(file, count: Int(try file.status().st_size))
        case .bytes(let bytes): BytesRegion(bytes)
        }
    }
}

/// A file's bytes.
private struct FileRegion: ByteRegion {
    private let file: FileDescriptor
    let count: Int

    init(_ file: FileDescriptor, count: Int) {
        self.file = file
        self.count = count
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int { try file.read(into: buffer, at: offset) }
}
