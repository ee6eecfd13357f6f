import Glibc
package import RxModel
import RxPosix

/// Two files by which a host and its programs spare each other requests: the one says what is bound, the other what was used.
///
/// Both are hints. Without the first a program asks for each module; what is missing in the second is not counted.
/// Source: Specs/17-run, "Notes".
package final class RunNotes: Sendable {
    private let bound: String
    private let used: String
    private let views: String
    /// The most bytes that are read of what was used.
    private static let usesLimit = 64 << 20

    /// Writes what a policy says by itself: where the files of what is locked are or will be and, when nothing beyond that is allowed, what
    /// to say of all other modules. Throws `PosixError`.
    package init(policy: ModulePolicy, views: ViewFolders) throws {
        self.views = views.folder
        bound = views.asideName()
        used = views.asideName()
        var text = ""
        for entry in policy.lock?.entries ?? [] {
            for module in RunNotes.modules(of: entry) where policy.lock?.entry(providing: module) == entry {
                text += RunNotes.line(module, entry.manifest, views.root(entry.manifest))
            }
        }
        if policy.patterns.isEmpty {
            for language in ["node", "python"] {
                let refusal = policy.refusal(of: "The module \(language):{}", allow: "\(language):{}")
                let message = [refusal.message, refusal.hint].compactMap { $0 }.joined(separator: "; ")
                text += "\(language)\t*\t\t\(String(message.map { $0.isNewline || $0 == "\t" ? " " : $0 }))\n"
            }
        }
        for (path, content) in [(bound, text), (used, "")] {
            try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600).write(Array(content.utf8))
        }
    }

    deinit {
        Files.discard(bound)
        Files.discard(used)
    }

    /// The variables that tell programs of the files, and of the folder that all views are in.
    package var environment: [String: String] {
        ["RX_LOADER_BOUND": bound, "RX_LOADER_USES": used, "RX_LOADER_VIEWS": views]
    }

    /// Adds a module for programs that start later.
    func add(_ module: BoundModule) {
        guard let file = try? FileDescriptor.open(bound, O_WRONLY | O_APPEND) else { return }
        try? file.write(Array(module.line.utf8))
    }

    /// What programs used without asking: `DIGITS/PATH` and a NUL for each file.
    package func uses() -> [(digest: Digest, path: FilePath)] {
        guard let bytes = try? Files.read(used, limit: RunNotes.usesLimit) else { return [] }
        return bytes.split(separator: 0).compactMap { record in
            let parts = record.split(separator: UInt8(ascii: "/"), maxSplits: 1)
            guard parts.count == 2, let digest = Digest("sha256:" + String(decoding: parts[0], as: UTF8.self)),
                let path = try? FilePath(parsing: String(decoding: parts[1], as: UTF8.self))
            else { return nil }
            return (digest, path)
        }
    }

    /// What an entry provides; without `provides` the modules that are called like it.
    private static func modules(of entry: Lock.Entry) -> [ModuleName] {
        guard entry.provides.isEmpty else { return entry.provides.names }
        let name = entry.locator.repository
        return [("python", name), ("node", name), ("node", "@\(name)")].compactMap { try? ModuleName(language: $0.0, name: $0.1) }
    }

    static func line(_ module: ModuleName, _ manifest: Digest, _ root: String) -> String {
        "\(module.language)\t\(module.name)\t\(manifest)\t\(root)\n"
    }
}

extension BoundModule {
    /// The module in the table of what is bound: language, name, manifest digest and root folder, with tabs between them.
    package var line: String { RunNotes.line(module, resource.digest, resource.root) }
}
