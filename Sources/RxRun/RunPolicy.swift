import RxModel
import RxPosix

/// Reads the policy of a run from the words of a command line.
package enum RunPolicy {
    /// The policy of a lock's file and of patterns. Without a file it is `rx.lock` in the working folder, when it is there. Throws a
    /// `ResourceError` for a file that cannot be read or is no lock, and for a pattern that is none.
    package static func read(lock file: String?, allow patterns: [String]) throws -> ModulePolicy {
        let path = file ?? Lock.fileName
        let patterns = try patterns.map { text throws(RegistryError) in try AllowPattern(parsing: text) }
        guard let bytes = try bytes(path, isNamed: file != nil) else { return ModulePolicy(lock: nil, lockFile: nil, patterns: patterns) }
        do { return ModulePolicy(lock: try Lock(parsing: bytes), lockFile: path, patterns: patterns) } catch {
            throw RegistryError("\(path): \(error.message)", code: .invalidRequest, hint: error.hint)
        }
    }

    private static func bytes(_ path: String, isNamed: Bool) throws -> [UInt8]? {
        do { return try Files.read(path, limit: Lock.sizeLimit) } catch let error as PosixError where error.isMissing {
            guard isNamed else { return nil }
            throw RegistryError(
                "there is no lock \(path)", code: .notFound, hint: "rx run --allow NAME --record --lock \(path) -- COMMAND makes it")
        }
    }
}
