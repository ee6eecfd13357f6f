import RxModel

/// Any tree of files, served file by file: the rest of the path is the path of a file or folder. Source: Specs/15-loader, LOD-035.
public struct ModuleType: BindingType {
    /// `module`.
    public let name = "module"
    /// `folder`.
    public let aliases = ["folder"]
    /// True: each file is used by itself.
    public let isPartial = true

    /// Makes the type.
    public init() {}

    /// The bytes of the file that the argument names; the names in a folder, that of the root without an argument. Throws `ContentError`
    /// "File not found: X".
    public func render(_ content: any ResourceContent, argument: String?) throws -> Rendering {
        guard let argument else { return .json(ModuleType.list(content.names(in: nil) ?? [])) }
        guard let path = try? FilePath(parsing: argument) else { throw ModuleType.missing(argument) }
        if let names = content.names(in: path) { return .json(ModuleType.list(names)) }
        return .bytes(try content.open(path))
    }

    /// Serves the files from where they are, each when it is asked for.
    public func bind(_ content: ManifestContent, disk: BlockingWork) throws -> any Resource { ServedFolder(content: content) }

    /// Names as JSON.
    static func list(_ names: [String]) -> JSON { .array(names.map { .string($0) }) }

    static func missing(_ path: String) -> ContentError { ContentError("File not found: \(path)", code: .notFound) }
}

/// The files of a module under their paths.
private struct ServedFolder: Resource {
    let content: ManifestContent

    func get(_ headers: Headers) async -> Reply {
        let segments = RoutePath.segments(headers.path)
        let text = segments.joined(separator: "/")
        // A segment that holds a slash would name another file than the one that was written.
        guard segments.allSatisfy({ !$0.utf8.contains(UInt8(ascii: "/")) }) else { return .refused(ModuleType.missing(text)) }
        guard !segments.isEmpty else { return Reply(.json(ModuleType.list(content.names(in: nil) ?? [])), type: "list") }
        guard let path = try? FilePath(parsing: text) else { return .refused(ModuleType.missing(text)) }
        if let file = content.resolve(path) {
            do { try await content.prepare(file) } catch {
                let reply = Reply.refused(error)
                reply.report(path: headers.path, to: headers.kit)
                return reply
            }
            let others: [String: JSON] = [
                "digest": .string(file.digest.description), "size": .integer(file.size), "executable": .bool(file.executable),
            ]
            let stream = BodyStream(size: file.size) { [content] in try content.open(path) }
            return Reply(.stream(stream), type: "file", others: others)
        }
        guard let names = content.names(in: path) else { return .refused(ModuleType.missing(text)) }
        return Reply(.json(ModuleType.list(names)), type: "list")
    }

    func put(_ headers: Headers, _ body: Body) async -> Reply {
        .condition(.readOnly, "\(content.locator) can only be read: put a new version into a store or registry")
    }
}
