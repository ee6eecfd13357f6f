import Glibc
import RxCrypto
package import RxModel
public import RxPosix
import Synchronization

/// What a file looked like when its bytes were hashed: they are the same as long as it does.
public struct FileState: Sendable, Hashable {
    private let inode: UInt64
    package let size: Int
    let modifiedAt: Int
    /// The time of the last change of anything, which nobody can set back; 0 where that does not count.
    let changedAt: Int

    /// What an open file looks like now. Throws `PosixError`.
    public init(_ file: FileDescriptor) throws(PosixError) { self.init(try file.status()) }

    /// What the content of an open file looks like now, whatever happens to its other times: for a file whose time of last use is set, which
    /// changes `ctime`. Throws `PosixError`.
    package init(contentOf file: FileDescriptor) throws(PosixError) { self.init(try file.status(), contentAlone: true) }

    init(_ status: stat, contentAlone: Bool = false) {
        inode = UInt64(status.st_ino)
        size = Int(status.st_size)
        modifiedAt = status.modifiedAt
        changedAt = contentAlone ? 0 : status.changedAt
    }

    /// Whether it is the same file, whatever happened to it.
    func isFile(of other: FileState) -> Bool { inode == other.inode }

    /// Whether a file that was read from `other` on has the bytes that were read: links to it and its rights may have changed.
    func hasBytes(of other: FileState) -> Bool { inode == other.inode && size == other.size && modifiedAt == other.modifiedAt }
}

/// The files that this process has hashed and found right, each by a digest that it is known by: they are sent without being hashed again,
/// until they change, or a day later. Bounded. Source: Specs/05-store, "Serving".
package final class TrustedFiles: Sendable {
    private struct Entry {
        let state: FileState
        /// In seconds.
        let until: Int
    }

    /// More than this many are forgotten; what is forgotten is hashed again.
    static let limit = 65_536
    /// A disk may change bytes without a word: what was right long ago is looked at again. In seconds.
    static let trustTime = 24 * 3600

    /// A file that others write to while it is hashed is hashed so many times at most.
    static let attempts = 4

    private let entries = Mutex<[Digest: Entry]>([:])
    /// Which are being hashed.
    private let flights = Monitor<Set<Digest>>([])

    /// Trusts nothing yet.
    package init() {}

    /// Whether an open file is one that was right.
    package func holds(_ digest: Digest, _ state: FileState) -> Bool {
        guard let entry = entries.withLock({ $0[digest] }) else { return false }
        return entry.state == state && entry.until > Clock.monotonic / 1_000_000_000
    }

    /// Notes that an open file was right when it looked like this.
    package func note(_ digest: Digest, _ state: FileState) {
        let entry = Entry(state: state, until: Clock.monotonic / 1_000_000_000 + TrustedFiles.trustTime)
        entries.withLock { entries in
            if entries.count >= TrustedFiles.limit { entries.removeAll(keepingCapacity: true) }
            entries[digest] = entry
        }
    }

    /// Runs `body` while no other thread does for the same digest.
    func alone<Value>(_ digest: Digest, _ body: () throws -> Value) rethrows -> Value {
        _ = flights.wait { $0.insert(digest).inserted ? true : nil }
        defer { flights.update { _ = $0.remove(digest) } }
        return try body()
    }
}

extension DiskStore {
    public func trusted(_ blob: StagedBlob, upTo limit: Int) throws -> BlobContent? {
        let file = try file(of: blob)
        if trustedFiles.holds(blob.digest, try FileState(file)) { return .file(file) }
        guard blob.size <= limit else { return nil }
        return try trustedFiles.alone(blob.digest) { .file(try hashed(blob, file)) }
    }

    /// The blob's open file, or the one that has taken its place, once it was hashed and found right.
    func hashed(_ blob: StagedBlob, _ first: FileDescriptor) throws -> FileDescriptor {
        var file = first
        for _ in 0..<TrustedFiles.attempts {
            let before = try FileState(file)
            if trustedFiles.holds(blob.digest, before) { return file }
            let source = VerifyingSource(FileRangeSource(file), digest: blob.digest, size: blob.size) { [self] in
                setAside(blob.digest, file)
            }
            do {
                try source.readToEnd()
                let after = try FileState(file)
                if after.hasBytes(of: before) {
                    trustedFiles.note(blob.digest, after)
                    return file
                }
            } catch let error as ContentError {
                // It may have been healed, by another file under its name, while the damaged one was read.
                guard let healed = try? self.file(of: blob), try !FileState(healed).isFile(of: before) else {
                    throw RegistryError("Blob not found: \(blob.digest)", code: .blobUnknown, cause: error)
                }
            }
            // What was changed while it was read is hashed again.
            file = try self.file(of: blob)
        }
        throw RegistryError(
            "blob \(blob.digest) was changed by others each time it was read", code: .overloaded,
            hint: "see what writes to the store's files, then ask again")
    }
}

extension ByteSource {
    /// Reads all that is left. Throws what reading does.
    func readToEnd() throws {
        try withUnsafeTemporaryAllocation(byteCount: streamBufferSize, alignment: 16) { buffer in
            while try read(into: buffer) > 0 {}
        }
    }
}

/// Passes a blob's bytes on, and notes at their end that its file was right.
final class TrustingSource: ByteSource {
    private let source: any ByteSource
    private let trust: () -> Void

    /// Calls `trust` at the end of `source`, which throws in its place when the bytes are wrong.
    init(_ source: any ByteSource, trust: @escaping () -> Void) {
        self.source = source
        self.trust = trust
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try source.read(into: buffer)
        if count == 0, buffer.count > 0 { trust() }
        return count
    }
}
