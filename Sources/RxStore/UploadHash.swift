import RxCrypto
import RxModel
import RxPosix

/// The SHA-256 of an upload as far as this process has seen it come.
struct UploadHash {
    /// From this many bytes on an upload is hashed beside the thread that receives it.
    private static let longSize = 4 << 20

    private let hasher = SHA256Hasher()
    private var lane: HashingLane?
    /// How many bytes it has taken.
    private(set) var count = 0

    init() {}

    /// The hash of a file from its start to its end.
    init(reading file: FileDescriptor) throws { try file.each { update($0) } }

    private mutating func update(_ bytes: UnsafeRawBufferPointer) {
        hasher.update(bytes)
        count += bytes.count
    }

    /// Takes the next bytes, hashed now or in a lane of their own.
    mutating func take(_ bytes: [UInt8], _ permits: HashingLane.Permits) {
        if lane == nil, count >= UploadHash.longSize { lane = HashingLane(hasher, permits) }
        guard let lane else { return bytes.withUnsafeBytes { update($0) } }
        lane.add(bytes)
        count += bytes.count
    }

    /// Waits until all is hashed that was taken.
    mutating func settle() { lane.take()?.wait() }

    /// The digest of what was taken; the hash is empty again.
    mutating func finish() -> Digest {
        settle()
        count = 0
        return hasher.finish()
    }
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
