public import RxModel
public import RxStore

extension Client {
    /// Writes a resource, found as `find` finds it, as the folder `target`. It stays whole until that is done, also when its name is put
    /// anew and a collection runs. Throws as `ResourceExporter.export` does.
    public func export(_ locator: Locator, toFolder target: String, options: FolderOptions) throws -> (
        record: ResourceRecord, report: FolderReport
    ) {
        try findingAgain({ try find(locator) }) { ($0, try materialise($0, to: target, options: options)) }
    }

    /// Writes a resource of the local store as the folder `target`.
    public func materialise(_ record: ResourceRecord, to target: String, options: FolderOptions) throws -> FolderReport {
        let operation = try store.begin()
        defer { operation.cancel() }
        try operation.hold(record)
        return try exporter.export(record, toFolder: target, options: options)
    }
}
