import Glibc
import RxPosix

/// What processes tell each other, and those that come later, about the catalog's log: numbers in the machine's order, in a small file, zeros
/// where nothing was noted. Each is written by itself, so that nobody takes back what another one notes. Source: Specs/05-store, STO-091 to
/// STO-093.
struct LogNotes {
    /// The last failure, and the last one that was made good; equal when there is no doubt.
    struct Doubt: BitwiseCopyable {
        var failure: UInt64 = 0
        var mended: UInt64 = 0
        var isThere: Bool { failure != mended }
    }

    /// All of them, in the file's order.
    struct Values: BitwiseCopyable {
        var doubt = Doubt()
        /// How far the log is durable, as `LogPosition.value`.
        var durable: UInt64 = 0
        /// The run of the machine that the log is used in (`Host.boot`); 0 where that was not known.
        var boot: UInt64 = 0
        /// The same, once that note is durable.
        var durableBoot: UInt64 = 0
        /// Which file this is, so that a copy is told from what it was made of; 0 where that was not known.
        var file: UInt64 = 0
    }

    private let file: FileDescriptor
    /// What is to be noted of the file itself; 0 where it cannot be known.
    let identity: UInt64

    /// Makes the file when it is absent. Throws `PosixError`.
    init(_ path: String) throws {
        file = try FileDescriptor.open(path, O_RDWR | O_CREAT, mode: 0o644)
        identity = FileSystem.isLocal(path) ? file.identity : 0
        // So that noting a failure needs no room on the disk; where there is none now it is asked for then.
        _ = posix_fallocate(file.number, 0, off_t(MemoryLayout<Values>.size))
    }

    /// What is noted. Throws `PosixError`.
    func read() throws -> Values {
        var values = Values()
        _ = try withUnsafeMutableBytes(of: &values) { try file.read(into: $0, at: 0) }
        return values
    }

    /// Notes one number. Throws `PosixError`.
    func write(_ value: UInt64, at place: KeyPath<Values, UInt64>) throws {
        try withUnsafeBytes(of: value) { try file.write($0, at: MemoryLayout<Values>.offset(of: place)!) }
    }

    /// Waits until what is noted is durable. Throws `PosixError`.
    func sync() throws { try file.syncData() }
}
