import RxLoader
package import RxModel

/// Brings here what the programs of a lock need, and proves that they need nothing else: every entry is found without a network, and every
/// file that counts is read to its end and has its digest. Takes out of the views what is not the resources'.
///
/// Source: Specs/17-run, "Freezing".
package struct Freezer {
    /// What was found.
    package struct Report: Sendable, Equatable {
        /// How many resources are here.
        package var resources = 0
        /// How many of their files were read.
        package var files = 0
        /// Their bytes.
        package var bytes = 0
        /// The files of views that were not the resource's any more, and were taken away.
        package var changed: [ChangedFile] = []
        /// What is not here, or not right, and why.
        package var problems: [Problem] = []
    }

    /// A file that a program would have loaded in the place of a resource's.
    package struct ChangedFile: Sendable, Equatable {
        /// The resource.
        package let locator: Locator
        /// The file.
        package let path: FilePath
    }

    /// An entry that does not hold.
    package struct Problem: Sendable, Equatable {
        /// The entry.
        package let locator: Locator
        /// Why.
        package let message: String
    }

    private let supply: ModuleSupply
    private let trace: RunTrace

    /// Looks at the files that `trace` has; at all of a resource that it does not have.
    package init(_ supply: ModuleSupply, trace: RunTrace) {
        self.supply = supply
        self.trace = trace
    }

    /// Fetches what is not here, unless `proving` only; then proves. Goes on after what fails, and tells all of it.
    package func freeze(_ lock: Lock, proving: Bool) -> Report {
        var report = Report()
        for entry in lock.entries {
            do {
                if !proving { try fetch(entry) }
                let resource = try supply.offline.resource(entry)
                report.changed += try supply.views.restore(resource).map { ChangedFile(locator: entry.locator, path: $0) }
                for file in try files(of: resource) {
                    try copyBytes(from: resource.stored.open(file), to: Nowhere())
                    report.files += 1
                    report.bytes += file.size
                }
                report.resources += 1
            } catch {
                let message = (error as? any ResourceError)?.message ?? String(describing: error)
                report.problems.append(Problem(locator: entry.locator, message: message))
            }
        }
        return report
    }

    private func fetch(_ entry: Lock.Entry) throws {
        let resource = try supply.resource(entry)
        try resource.stored.fetch(resource.stored.missing(files(of: resource)))
    }

    /// The regular files that count, each once.
    private func files(of resource: OpenedResource) throws -> [ResourceFile] {
        guard let traced = trace.files[resource.digest] else { return resource.tree.files.filter { $0.symlink == nil } }
        var files: [FilePath: ResourceFile] = [:]
        for path in traced {
            guard case .file(let file) = resource.tree.find(path) else {
                throw RegistryError(
                    "the trace names \(FilePath.quoted(path.text)), which \(resource.stored.locator) does not have", code: .notFound)
            }
            files[file.path] = file
        }
        return files.values.sorted { $0.path < $1.path }
    }
}
