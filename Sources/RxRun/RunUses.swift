package import RxModel

/// What programs used without asking: a list of records, each with a NUL behind it. Source: Specs/17-run, "Notes".
package struct RunUses: Sendable {
    /// Files of resources, by the digests of their manifests: `DIGITS/PATH`.
    package let files: [(digest: Digest, path: FilePath)]
    /// Modules that were found among what is bound: `DIGITS//LANGUAGE:NAME`.
    package let modules: [(digest: Digest, module: ModuleName)]

    /// Whether there is nothing in the list.
    var isEmpty: Bool { files.isEmpty && modules.isEmpty }

    /// Reads a list; what is neither is left out.
    package init(parsing bytes: [UInt8]) {
        var files: [(digest: Digest, path: FilePath)] = []
        var modules: [(digest: Digest, module: ModuleName)] = []
        for record in bytes.split(separator: 0) {
            let parts = record.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let digest = Digest("sha256:" + String(decoding: parts[0], as: UTF8.self)) else { continue }
            if parts[1].first == UInt8(ascii: "/") {
                if let module = RunUses.module(parts[1].dropFirst()) { modules.append((digest, module)) }
            } else if let path = try? FilePath(parsing: String(decoding: parts[1], as: UTF8.self)) {
                files.append((digest, path))
            }
        }
        self.files = files
        self.modules = modules
    }

    private init(files: [(digest: Digest, path: FilePath)], modules: [(digest: Digest, module: ModuleName)]) {
        self.files = files
        self.modules = modules
    }

    /// Without those of some resources.
    func without(_ digests: Set<Digest>) -> RunUses {
        RunUses(files: files.filter { !digests.contains($0.digest) }, modules: modules.filter { !digests.contains($0.digest) })
    }

    private static func module(_ text: some Collection<UInt8>) -> ModuleName? {
        let parts = text.split(separator: UInt8(ascii: ":"), maxSplits: 1).map { String(decoding: $0, as: UTF8.self) }
        return parts.count == 2 ? try? ModuleName(language: parts[0], name: parts[1]) : nil
    }
}
