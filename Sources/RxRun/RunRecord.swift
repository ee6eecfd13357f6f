import RxLoader
package import RxModel
import RxPosix

/// What a run had, to be written into the lock and the trace.
package struct RunRecord: Sendable {
    /// The resources that it got something of; one that it asked for by several tags, under each of them.
    package let entries: [Lock.Entry]
    /// The files that it used.
    package let trace: RunTrace

    /// What a record changed in a lock.
    package struct Change: Sendable, Equatable {
        /// How many entries are new.
        package let added: Int
        /// The entries whose place newer ones of the same name took.
        package let replaced: [Locator]
    }

    /// Whether it got nothing of any resource.
    package var isEmpty: Bool { entries.isEmpty }

    /// What was had of a binder. Throws `LockError` when no lock could say all of it.
    package init(_ binder: ModuleBinder) throws {
        let uses = binder.uses
        var files: [Digest: Set<FilePath>] = [:]
        // One that was only looked at, whether it provides something, is not used.
        let bound = Set(binder.modules.map(\.resource.digest))
        let resources = binder.resources.filter { bound.contains($0.digest) || uses[$0.digest] != nil }
        for resource in resources {
            // Under the paths that were asked for: a symlink is found again by its own.
            files[resource.digest] = Set((uses[resource.digest] ?? [:]).keys.filter { resource.tree.isFile($0) })
        }
        entries = try RunRecord.entries(of: resources, binder)
        trace = RunTrace(files)
    }

    /// The entries by which a lock gives each resource under every locator that it was asked for by. One that is locked already stays as it is.
    private static func entries(of resources: [OpenedResource], _ binder: ModuleBinder) throws(LockError) -> [Lock.Entry] {
        var entries: [Lock.Entry] = []
        for resource in resources {
            if let locked = binder.policy.lock?.entry(manifest: resource.digest) {
                entries.append(locked)
                continue
            }
            let own = resource.entry
            let tags = binder.asked(of: resource.digest).filter { $0.tag != Locator.latest && $0.tag != own.locator.tag }
            entries += [own] + tags.map { own.tagged($0.tag) }
        }
        // A locator without a tag means the only entry of its name, and where there are several that of the tag `latest`.
        let lock = try Lock(entries)
        for resource in resources {
            for locator in binder.asked(of: resource.digest) where lock.entry(of: locator)?.manifest != resource.digest {
                entries.append(resource.entry.tagged(locator.tag))
            }
        }
        return entries
    }

    /// The same, from the texts of a lock and a trace. Throws a `ResourceError`.
    package init(lock: String, trace: String) throws {
        entries = try Lock(parsing: Array(lock.utf8)).entries
        self.trace = try RunTrace(parsing: Array(trace.utf8))
    }

    /// Where the trace of a lock is: beside it, `rx.trace` for `rx.lock`.
    package static func traceFile(of lock: String) -> String {
        (lock.hasSuffix(".lock") ? String(lock.dropLast(5)) : lock) + ".trace"
    }

    /// Adds the run to the lock in a file, which is made when it is missing, and to its trace: each in one step, and after what others record
    /// at the same time. Throws a `ResourceError`; the files are then as they were, or whole.
    package func write(to lockFile: String) throws -> Change {
        guard !isEmpty else { return Change(added: 0, replaced: []) }
        // Two entries of one run that cannot be beside each other are told, not chosen from.
        _ = try Lock(entries)
        let folder = try OpenFolder(Files.folder(of: lockFile))
        try folder.lock()
        let before = try RunPolicy.lock(lockFile)
        let old = before ?? Lock()
        let new = try old.merging(entries.filter { old.entry(of: $0.locator)?.manifest != $0.manifest })
        if before != new { try Files.replace(lockFile, with: Array(new.text.utf8)) }
        let traceFile = RunRecord.traceFile(of: lockFile)
        let oldTrace = try RunPolicy.trace(traceFile)
        let newTrace = (oldTrace ?? RunTrace()).merging(trace).limited(to: new)
        if oldTrace != newTrace { try Files.replace(traceFile, with: Array(newTrace.text.utf8)) }
        let known = Set(old.entries.map { "\($0.locator)" })
        return Change(
            added: new.entries.count { entry in old.entry(manifest: entry.manifest) == nil || !known.contains("\(entry.locator)") },
            replaced: old.entries.filter { new.entry(manifest: $0.manifest) == nil }.map(\.locator))
    }
}

extension ResourceTree {
    /// Whether a path leads to a regular file.
    package func isFile(_ path: FilePath) -> Bool {
        if case .file = find(path) { true } else { false }
    }
}
