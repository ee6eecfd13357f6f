package import RxModel
import RxPosix

/// Reads the policy of a run from files and the words of a command line.
package enum RunPolicy {
    /// The policy of a lock's file and of patterns. Without a file it is `rx.lock` in the working folder, when it is there; one that is named
    /// must be there, unless it is about to be recorded. Throws a `ResourceError` for a file that cannot be read or is no lock, and for a
    /// pattern that is none.
    package static func read(lock file: String?, allow patterns: [String], recording: Bool) throws -> ModulePolicy {
        let path = file ?? Lock.fileName
        let patterns = try patterns.map { text throws(RegistryError) in try AllowPattern(parsing: text) }
        let lock = try lock(path)
        if lock == nil, file != nil, !recording {
            throw RegistryError(
                "there is no lock \(path)", code: .notFound, hint: "rx run --allow NAME --record --lock \(path) -- COMMAND makes it")
        }
        return ModulePolicy(lock: lock, lockFile: lock == nil ? nil : path, patterns: patterns)
    }

    /// The lock in a file; nil when there is none. Throws a `ResourceError`.
    package static func lock(_ path: String) throws -> Lock? {
        guard let bytes = try bytes(path, limit: Lock.sizeLimit) else { return nil }
        do { return try Lock(parsing: bytes) } catch {
            throw RegistryError("\(path): \(error.message)", code: .invalidRequest, hint: error.hint)
        }
    }

    /// The trace in a file; nil when there is none. Throws a `ResourceError`.
    package static func trace(_ path: String) throws -> RunTrace? {
        guard let bytes = try bytes(path, limit: RunTrace.sizeLimit) else { return nil }
        do { return try RunTrace(parsing: bytes) } catch {
            throw RegistryError(
                "\(path): \(error.message)", code: .invalidRequest,
                hint: "remove it: rx run --record makes it anew, and rx freeze needs none")
        }
    }

    private static func bytes(_ path: String, limit: Int) throws -> [UInt8]? {
        do { return try Files.read(path, limit: limit) } catch let error as PosixError {
            guard error.isMissing else { throw error }
            return nil
        }
    }
}
