import Glibc
import RxCrypto
package import RxModel
package import RxPosix

/// A cached archive that is known to be right: its open file, which begins with the archive and ends with a seal.
///
/// The seal is a gzip member of its own that unpacks to nothing, so the whole file is a tar.gz as well. It carries a SHA-256 of what the archive
/// was built from and as, so that neither changed bytes nor another resource's file pass for it. Source: Specs/05-store, "Serving".
package struct SealedArchive: Sendable {
    /// The open file. Others read it too, so nobody may move its offset.
    package let file: FileDescriptor
    /// The length of the archive, without the seal.
    package let length: Int

    private static let ending = ".sealed.tar.gz"

    /// The name of the file for a manifest's archive.
    package static func name(_ manifest: Digest) -> String { manifest.hex + ending }

    /// The manifest whose archive a file of this name is; nil for any other file.
    package static func manifest(ofName name: String) -> Digest? {
        name.hasSuffix(ending) ? Digest(hex: name.dropLast(ending.utf8.count)) : nil
    }

    /// What `sealing` has written to `file`, whole.
    package init(_ file: FileDescriptor, writtenBy sealing: SealingSink) throws {
        self.file = file
        length = try sealing.finish()
    }

    /// A file of `size` bytes that was found right before.
    package init(trusted file: FileDescriptor, size: Int) {
        self.file = file
        length = size - Seal.length
    }

    /// The archive of `manifest` when the bytes of `file` are those it was sealed with, else nil. Calls `proceed` in between, which may throw to end
    /// it.
    package init?(_ file: FileDescriptor, of manifest: Digest, proceed: () throws -> Void = {}) throws {
        self.init(trusted: file, size: Int(try file.status().st_size))
        guard length > 0 else { return nil }
        let length = length
        let hasher = Seal.hasher(manifest)
        let isRight = try withUnsafeTemporaryAllocation(byteCount: streamBufferSize, alignment: 16) { buffer in
            /// Fills `part` from `offset` on; false where the file is cut, or the disk cannot read it any more.
            func fill(_ part: UnsafeMutableRawBufferPointer, at offset: Int) -> Bool {
                var count = 0
                while count < part.count {
                    let rest = UnsafeMutableRawBufferPointer(rebasing: part[count...])
                    guard let more = try? file.read(into: rest, at: offset + count), more > 0 else { return false }
                    count += more
                }
                return true
            }
            var offset = 0
            while offset < length {
                try proceed()
                let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, length - offset)])
                guard fill(part, at: offset) else { return false }
                hasher.update(UnsafeRawBufferPointer(part))
                offset += part.count
            }
            let seal = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Seal.length])
            return fill(seal, at: length) && seal.elementsEqual(Seal.bytes(hasher.finish()))
        }
        guard isRight else { return nil }
    }
}

/// Passes an archive on to its file and puts the seal behind it.
package final class SealingSink: ByteSink {
    private let sink: any ByteSink
    private let hasher: SHA256Hasher
    private var length = 0

    /// Writes the archive of `manifest` to `sink`.
    package init(_ sink: any ByteSink, of manifest: Digest) {
        self.sink = sink
        hasher = Seal.hasher(manifest)
    }

    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        hasher.update(bytes)
        length += bytes.count
        try sink.write(bytes)
    }

    /// Writes the seal; gives the archive's length without it.
    fileprivate func finish() throws -> Int {
        try Seal.bytes(hasher.finish()).withUnsafeBytes { try sink.write($0) }
        return length
    }
}

/// What stands behind a cached archive. Source: RFC 1952, 2.3.1.
private enum Seal {
    /// A header with an extra field and neither time nor name, and the extra field's length, name and own length.
    private static let head: [UInt8] = [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 36, 0, UInt8(ascii: "R"), UInt8(ascii: "X"), 32, 0]
    /// Nothing, deflated, with its CRC and length.
    private static let tail: [UInt8] = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0]

    static let length = head.count + 32 + tail.count

    /// Hashes the manifest's digest before the archive.
    static func hasher(_ manifest: Digest) -> SHA256Hasher {
        let hasher = SHA256Hasher()
        manifest.withBytes { hasher.update($0) }
        return hasher
    }

    static func bytes(_ digest: Digest) -> [UInt8] { head + digest.bytes + tail }
}
