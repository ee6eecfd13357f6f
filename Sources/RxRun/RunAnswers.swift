import RxHTTP
import RxLoader
import RxModel

/// What each path of a host answers. Source: Specs/17-run, "The host".
enum RunAnswers {
    /// `GET /v1/modules`: what is bound, one line a module.
    static func table(_ binder: ModuleBinder) -> HTTPResponse {
        text(binder.tableText)
    }

    /// `GET /v1/modules/LANGUAGE/NAME`: binds a module. As text it is the line of the table.
    static func module(language: Substring, name: Substring, asText: Bool, _ binder: ModuleBinder) throws -> HTTPResponse {
        guard let name = PercentEncoding.decode(name) else {
            throw RegistryError("The module's name has a broken escape", code: .invalidRequest)
        }
        let bound = try binder.bind(try ModuleName(language: String(language), name: name))
        if asText { return text(RunNotes.line(bound.module, bound.resource.digest, bound.resource.root)) }
        let files = bound.resource.stored.manifest.files.map { file in
            JSON.members([
                "path": .string(file.path.text), "size": .integer(file.size), "executable": file.executable ? true : nil,
                "symlink": file.symlink.map { .string($0) },
            ])
        }
        return .json(
            200,
            .members([
                "language": .string(bound.module.language), "name": .string(bound.module.name),
                "locator": .string(bound.resource.stored.locator.description), "digest": .string(bound.resource.digest.description),
                "root": .string(bound.resource.root), "files": .array(files),
            ]))
    }

    private static func text(_ text: String) -> HTTPResponse {
        HTTPResponse(200, headers: ["Content-Type": "text/plain; charset=utf-8"], body: .bytes(Array(text.utf8)))
    }

    /// `GET /v1/files/DIGEST/PATH`: has a file appear in its view.
    static func file(digest: Substring, path: Substring, _ binder: ModuleBinder) throws -> HTTPResponse {
        let digest = try manifest(digest)
        return .json(200, .object(["path": .string(try binder.present(FilePath(parsing: decoded(path)), of: digest))]))
    }

    /// `GET /v1/folders/DIGEST/PATH`: has all files of a folder appear in its view, fetched together; without PATH those of the root.
    static func folder(digest: Substring, path: Substring, _ binder: ModuleBinder) throws -> HTTPResponse {
        let digest = try manifest(digest)
        let folder = path.isEmpty ? nil : try FilePath(parsing: decoded(path))
        return .json(200, .object(["path": .string(try binder.present(folder: folder, of: digest))]))
    }

    private static func manifest(_ text: Substring) throws -> Digest {
        guard let digest = Digest(text) else {
            throw RegistryError("\(JSON.string(String(text)).text) is no digest of a manifest", code: .invalidRequest)
        }
        return digest
    }

    /// A path, decoded segment by segment: an escaped slash is no separator.
    private static func decoded(_ path: Substring) throws -> String {
        let segments = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map {
            PercentEncoding.decode(Substring($0))
        }
        guard segments.allSatisfy({ $0.map { !$0.utf8.contains(UInt8(ascii: "/")) } ?? false }) else {
            throw RegistryError("The path has a broken escape, or a slash in a name", code: .invalidRequest)
        }
        return segments.map { $0! }.joined(separator: "/")
    }

    /// `POST /v1/uses`: counts what was used of what is there.
    static func uses(_ bytes: [UInt8], _ binder: ModuleBinder) throws -> HTTPResponse {
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch { throw RegistryError("The uses are not JSON: \(error)", code: .invalidRequest) }
        guard let list = json["uses"]?.array else { throw RegistryError("The uses have no array \"uses\"", code: .invalidRequest) }
        binder.note(
            list.compactMap { use in
                guard let digest = use["digest"]?.string.flatMap({ Digest($0) }),
                    let path = use["path"]?.string.flatMap({ try? FilePath(parsing: $0) })
                else { return nil }
                return (digest, path)
            })
        return HTTPResponse(204)
    }

    /// `GET /v1/routes`: what is bound, from where, how often used.
    static func routes(_ binders: [ModuleBinder]) -> HTTPResponse {
        let routes = RouteRecord(merging: binders.flatMap(\.routes)).routes
        return .json(200, .object(["routes": .array(routes.map(\.json))]))
    }
}
