import Glibc
import RxModel
import RxPosix

/// Writes frames of a log anew in their places, once it has seen that they are what SQLite wrote: of what a failed sync lost the kernel may
/// have forgotten the bytes in memory, too, and gives what the disk had before. Source: https://sqlite.org/walformat.html, Specs/05-store, STO-090.
struct LogCopy {
    private let file: FileDescriptor
    private let shape: LogShape

    /// Of the log that is open as `file`.
    init(_ file: FileDescriptor, _ shape: LogShape) { (self.file, self.shape) = (file, shape) }

    /// Writes the frames from `first` up to `end`, which is one more than the last, and at least all to the end of the page of memory that holds
    /// the end of those before: it may be lost with what was written behind it. Throws `PosixError`, and `RegistryError` for other bytes.
    func write(from first: Int, to end: Int) throws {
        let page = sysconf(Int32(_SC_PAGESIZE))
        try withUnsafeTemporaryAllocation(byteCount: max(shape.frame, page), alignment: 8) { buffer in
            let header = try read(at: 0, LogShape.header, into: buffer)
            guard var chain = LogChain(header: header) else { throw lost }
            if first == 0 {
                try file.write(header, at: 0)
            } else {
                // The end of the frame before is in the page of memory that is written anew.
                if first > 1 { chain.resume(behind: try read(at: shape.start(of: first - 2), LogShape.frameHeader, into: buffer)) }
                guard chain.take(try read(at: shape.start(of: first - 1), shape.frame, into: buffer)) else { throw lost }
            }
            for number in first..<end {
                let frame = try read(at: shape.start(of: number), shape.frame, into: buffer)
                guard chain.take(frame) else { throw lost }
                try file.write(frame, at: shape.start(of: number))
            }
            let (written, least) = (shape.start(of: end), (shape.start(of: first) + page - 1) / page * page)
            guard written < least else { return }
            // Nothing that is committed is there.
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(least - written)])
            try file.write(UnsafeRawBufferPointer(rebasing: rest[..<file.read(into: rest, at: written)]), at: written)
        }
    }

    /// All of a part of the log; a log that is shorter has lost it.
    private func read(at offset: Int, _ count: Int, into buffer: UnsafeMutableRawBufferPointer) throws -> UnsafeRawBufferPointer {
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        var done = 0
        while done < count {
            let more = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: part[done...]), at: offset + done)
            guard more > 0 else { throw lost }
            done += more
        }
        return UnsafeRawBufferPointer(part)
    }

    private var lost: RegistryError {
        RegistryError(
            "\(file.path) has not what was written to it since a sync of it failed", code: .storeUnusable,
            hint: "end every rx that uses this store and start again: what was reported as done is there, and what was not is left out")
    }
}
