import Glibc
package import RxModel
import RxPosix
import Synchronization

/// Where a command writes a folder.
package struct FolderTarget: Hashable, Sendable {
    /// The number of a folder that the actor keeps, and brings up to date from then on; nil for a new one, which is looked at once.
    let kept: Int?
    /// Whether its files are links to the store's.
    let isLinked: Bool

    /// A new folder with files of its own.
    static let new = FolderTarget(kept: nil, isLinked: false)

    private init(kept: Int?, isLinked: Bool) {
        self.kept = kept
        self.isLinked = isLinked
    }

    /// Draws one.
    init(_ chance: inout Chance) {
        kept = chance.happens(60) ? chance.number(0...1) : nil
        isLinked = chance.happens(40)
    }
}

/// A folder that stays, by what was reported of it.
package struct KeptFolder: Sendable {
    /// The store that it is written from.
    let store: Int
    /// The version that it was reported to hold; nil since a command wrote to it, or may have, that did not succeed.
    var version: Int?
    /// Whether files of it may be the store's.
    var isLinked: Bool

    /// Why it cannot be what is found in it; nil when it can. Source: TOR-023.
    package func problem(_ found: [String: Digest], _ contents: [Int: Content], _ damages: [DamagedBlob]) -> String? {
        guard let version, let content = contents[version], found != content.listing else { return nil }
        // Who turns a bit of a blob turns it in every link to it.
        if isLinked, damages.contains(where: { $0.store == store && content.blobs.contains($0.digest) }) { return nil }
        let other = content.listing.keys.filter { found[$0] != content.listing[$0] } + found.keys.filter { content.listing[$0] == nil }
        return "version \(version) was reported as written, and is not whole: \(other.sorted().joined(separator: ", "))"
    }

    /// A folder with what was reported of it.
    package init(store: Int, version: Int?, isLinked: Bool) {
        self.store = store
        self.version = version
        self.isLinked = isLinked
    }
}

extension Round {
    /// Fetches what a name of the registry stands for, into a folder.
    func pull(_ step: Step, _ resource: Int, _ tag: Int, _ server: Int, into target: FolderTarget) {
        guard let port = port(server) else { return }
        readFolder(step, store: 0, Round.name(resource, tag), into: target) { name, folder in
            ["pull", name, "--registry", url(port), "--to", folder]
        }
    }

    /// Writes what a name of the actor's home stands for to a folder.
    func export(_ step: Step, _ resource: Int, _ tag: Int, into target: FolderTarget) {
        readFolder(step, store: step.actor + 1, Round.name(resource, tag), into: target) { name, folder in ["export", name, folder] }
    }

    /// Runs a command that writes what a name stands for to a folder, and looks at what it wrote.
    private func readFolder(_ step: Step, store: Int, _ name: String, into target: FolderTarget, _ command: (String, String) -> [String]) {
        let path = target.kept.map { "\(folder)/out-\(step.actor)-\($0)" } ?? "\(folder)/out-\(RandomName.make())"
        let more = (target.isLinked ? ["--link"] : []) + ["--json", "--quiet"]
        let before = notes.withLock { $0.folders.removeValue(forKey: path) }
        let start = Clock.monotonic
        guard let ended = run(step, store: step.actor + 1, command(name, path) + more, fault: step.fault) else { return }
        defer { if target.kept == nil { try? Files.removeTree(path) } }
        var after = KeptFolder(store: step.actor + 1, version: nil, isLinked: target.isLinked || before?.isLinked ?? false)
        var outcome = Event.Outcome.failed
        if ended.status == 0 {
            let listing = (try? Content.listing(of: path)) ?? [:]
            outcome = contents.values.first { $0.listing == listing }.map { .found($0.version) } ?? .wrong
            if case .found(let version) = outcome { (after.version, after.isLinked) = (version, target.isLinked) }
            // A link to a blob that was damaged at rest is not read by whoever makes it (CLI-054).
            if case .wrong = outcome, after.isLinked, isDamaged(after.store) { outcome = .failed }
        } else if ended.status == 1, ended.errors.contains("\"RESOURCE_NOT_FOUND\"") || ended.errors.contains("Resource not found") {
            outcome = .absent
            // There was nothing to write: the folder is as it was.
            after.version = before?.version
        }
        if target.kept != nil { notes.withLock { [after] in $0.folders[path] = after } }
        let words = "by \((command(name, "DIR") + more).joined(separator: " ")); \(words(step, ended))"
        noteRead(step, store: store, name, outcome, from: start, words)
    }

    private func isDamaged(_ store: Int) -> Bool { notes.withLock { $0.history.damages.contains { $0.store == store } } }

    /// Looks at every folder that stays: what was reported as written is there whole, whatever was killed or failed since.
    func lookAtFolders() {
        let (folders, damages) = notes.withLock { ($0.folders, $0.history.damages) }
        for (path, kept) in folders.sorted(by: { $0.key < $1.key }) {
            let found = (try? Content.listing(of: path)) ?? [:]
            if let problem = kept.problem(found, contents, damages) { complain("\(path.dropFirst(folder.utf8.count + 1)): \(problem)") }
        }
    }
}
