import Glibc
import RxModel
import RxPosix

/// Two files by which a program and its host spare each other requests: the one says what is bound, the other what was used.
///
/// Both are hints. Without the first a program asks for each module; what is missing in the second is not counted.
/// Source: Specs/17-run, "Notes".
package final class RunNotes: Sendable {
    private let bound: String
    private let used: String
    private let views: String
    /// The size from which on programs write nothing more of what they use, in bytes (`LIMIT` of the hooks); and the most that is read, for
    /// those that write at once.
    private static let (usesLimit, readLimit) = (32 << 20, 64 << 20)

    /// Writes what `table` says and what a policy says by itself: where the files of what is locked are or will be and, when nothing beyond
    /// that is allowed, what to say of all other modules. Throws `PosixError`.
    package init(policy: ModulePolicy, table: String, views: ViewFolders) throws {
        self.views = views.folder
        bound = views.asideName()
        used = views.asideName()
        var text = table
        for entry in policy.lock?.entries ?? [] {
            for module in RunNotes.modules(of: entry) where policy.lock?.entry(providing: module) == entry {
                text += RunNotes.line(module, entry.manifest, views.root(entry.manifest))
            }
        }
        if policy.patterns.isEmpty {
            for language in ["node", "python"] { text += RunNotes.refusal(language, policy) }
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

    /// What programs used without asking, as `RunUses` reads it.
    package var uses: [UInt8] { (try? Files.read(used, limit: RunNotes.readLimit)) ?? [] }

    /// Whether they used more than is noted.
    package var isCut: Bool { ((try? Files.status(used)) ?? nil).map { Int($0.st_size) >= RunNotes.usesLimit } ?? false }

    /// A module in the table of what is bound: language, name, manifest digest and root folder.
    static func line(_ module: ModuleName, _ manifest: Digest, _ root: String) -> String {
        "\(module.language)\t\(module.name)\t\(manifest)\t\(root)\n"
    }

    /// What an entry provides; without `provides` the modules that are called like it.
    private static func modules(of entry: Lock.Entry) -> [ModuleName] {
        guard entry.provides.isEmpty else { return entry.provides.names }
        let name = entry.locator.repository
        return [("python", name), ("node", name), ("node", "@\(name)")].compactMap { try? ModuleName(language: $0.0, name: $0.1) }
    }

    /// What to say of a module that is refused; its name is where the braces are.
    private static func refusal(_ language: String, _ policy: ModulePolicy) -> String {
        let error = policy.refusal(of: "The module \(language):{}", allow: "\(language):{}")
        let text = [error.message, error.hint].compactMap { $0 }.joined(separator: "; ")
        return "\(language)\t*\t\t\(String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 }))\n"
    }
}
