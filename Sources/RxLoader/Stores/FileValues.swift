import RxModel
import RxPosix

/// Keeps JSON values in a folder, one file each, durable when the put is answered. Source: Specs/15-loader, LOD-024 and LOD-025.
///
/// Answers as `MemoryValues` does. Several processes may use one folder: a value is replaced in one step.
public struct FileValues: Resource {
    /// The most bytes of a value's file that is read.
    private static let limit = 64 << 20

    private let folder: String
    private let disk: BlockingWork

    /// Keeps values in `folder`, which is made with the first of them.
    public init(folder: String, disk: BlockingWork = .disk) {
        self.folder = folder
        self.disk = disk
    }

    public func get(_ headers: Headers) async -> Reply {
        await answering(headers) { folder in
            guard let key = try ValueKey(path: headers.path) else {
                return .list(try Files.isFolder(folder) ? Files.names(in: folder).compactMap { ValueKey(fileName: $0) } : [])
            }
            do {
                let bytes = try Files.read("\(folder)/\(key.fileName)", limit: FileValues.limit)
                return Reply(.json(try JSON(parsing: bytes)), type: "json")
            } catch let error as PosixError where error.isMissing { return .notFound }
        }
    }

    public func put(_ headers: Headers, _ body: Body) async -> Reply {
        await answering(headers) { folder in
            guard let key = try ValueKey(path: headers.path) else { return .noValue("a value needs a path") }
            guard let value = body.json else { return .noValue("only text and JSON can be kept") }
            let path = "\(folder)/\(key.fileName)"
            guard !body.isEmpty else {
                guard try Files.remove(path) else { return .notFound }
                try Files.syncFolder(folder)
                return Reply()
            }
            try Files.makeFolders(folder)
            try Files.replace(path, with: value.canonical)
            return Reply()
        }
    }

    private func answering(_ headers: Headers, _ body: @escaping @Sendable (String) throws -> Reply) async -> Reply {
        do { return try await disk.run { [folder] in try body(folder) } } catch let error as ContentError {
            return .noValue(error.message)
        } catch { return .failed(error, headers) }
    }
}
