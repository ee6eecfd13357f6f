public import RxModel
import RxPosix
public import RxStore

extension Client {
    /// Writes a resource, found as `find` finds it, as the folder `target`. It stays whole until that is done, also when its name is put
    /// anew and a collection runs. Throws as `ResourceExporter.export` does.
    public func export(_ locator: Locator, toFolder target: String, options: FolderOptions) throws -> (
        record: ResourceRecord, report: FolderReport
    ) {
        do { return try findingAgain({ try find(locator) }) { ($0, try materialise($0, to: target, options: options)) } } catch let error
            as RegistryError where error.code == .blobUnknown
        {
            throw RegistryError(
                "\(error.message), which is a file of \(locator)", code: error.code,
                hint: "it was lost, or was damaged and set aside; pull or add \(locator) again, then export it", cause: error)
        }
    }

    /// Writes a resource of the local store as the folder `target`.
    public func materialise(_ record: ResourceRecord, to target: String, options: FolderOptions) throws -> FolderReport {
        try materialise(record, to: target, options: options, begun: nil)
    }

    private func materialise(_ record: ResourceRecord, to target: String, options: FolderOptions, begun: EarlyFolder?) throws
        -> FolderReport
    {
        let hold = LateHold(record, in: store)
        defer { hold.end() }
        return try exporter.export(record, toFolder: target, options: options, hold: hold, begun: begun)
    }
}

extension Client {
    /// Pulls a resource as `pulling` does and, where `target` is a folder, writes it there. Both are one piece of work.
    public func pulling(_ locator: Locator, from name: String?, to target: String?, options: FolderOptions) throws -> (
        pulling: Pulling, folder: FolderReport?
    ) {
        guard let target else { return (try pulling(locator, from: name), nil) }
        progress.expect(phases: 2)
        let early = EarlyFolder(ifAbsent: target, options)
        defer { early?.abandon() }
        var pulled: Pulling?
        var folder: FolderReport?
        _ = try findingAgain {
            let one = try pulling(locator, from: name, filling: early)
            pulled = one
            // What was here already makes the writing all there is to do.
            if one.report.sentBlobs == 0 { progress.expect(phases: 1) }
            return one.record
        } _: {
            // What was needed to fetch many files is not to lie beside what is needed to write them.
            if $0.fileCount > ResourcePull.many { Host.trimHeap() }
            folder = try materialise($0, to: target, options: options, begun: early)
        }
        return (pulled!, folder)
    }
}
