package import RxModel

/// Which files of which resources a program used: the file `rx.trace` beside the lock. Source: Specs/17-run, "Traces".
package struct RunTrace: Sendable, Equatable {
    /// The version of the format.
    package static let version = 1
    /// The longest file that is read, in bytes.
    package static let sizeLimit = 64 << 20

    /// The files of each resource, by the digest of its manifest; none of one that was only looked at.
    package let files: [Digest: Set<FilePath>]

    /// Takes files by the digest of their resource's manifest.
    package init(_ files: [Digest: Set<FilePath>] = [:]) { self.files = files }

    /// Reads a trace. Throws `RegistryError` that says what is wrong.
    package init(parsing bytes: [UInt8]) throws(RegistryError) {
        func fail(_ fault: String) -> RegistryError { RegistryError("the trace \(fault)", code: .invalidRequest) }
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch { throw fail("is not JSON: \(error)") }
        guard json["version"]?.int == RunTrace.version, let resources = json["resources"]?.array else {
            throw fail("is none of version \(RunTrace.version)")
        }
        var files: [Digest: Set<FilePath>] = [:]
        for (index, resource) in resources.enumerated() {
            guard let digest = resource["manifest"]?.string.flatMap({ Digest($0) }), let list = resource["files"]?.array else {
                throw fail("resources[\(index)] has no manifest and files")
            }
            files[digest, default: []].formUnion([])
            for (place, value) in list.enumerated() {
                guard let path = value.string.flatMap({ try? FilePath(parsing: $0) }) else {
                    throw fail("resources[\(index)].files[\(place)] is no path")
                }
                files[digest, default: []].insert(path)
            }
        }
        self.init(files)
    }

    /// Both together.
    package func merging(_ other: RunTrace) -> RunTrace { RunTrace(files.merging(other.files) { $0.union($1) }) }

    /// What is about the resources of a lock.
    package func limited(to lock: Lock) -> RunTrace { RunTrace(files.filter { lock.entry(manifest: $0.key) != nil }) }

    /// The trace's one text.
    package var text: String {
        let resources = files.sorted { $0.key < $1.key }.map { digest, paths -> JSON in
            .object(["manifest": .string(digest.description), "files": .array(paths.sorted().map { .string($0.text) })])
        }
        return JSON.object(["version": .integer(RunTrace.version), "resources": .array(resources)]).pretty + "\n"
    }
}
