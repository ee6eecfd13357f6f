import RxHTTP
import RxModel

/// A list of what is in a folder of a resource, for browsers or programs. Source: Specs/06-http, API-074.
struct FolderList {
    /// The most entries of one answer.
    static let entryLimit = 10_000

    let resource: RawResource
    let asked: LocatorPath
    /// The folder that the path leads to; nil is the root.
    let folder: FilePath?

    /// The list from behind the query's `after` on. Throws `RegistryError` for a broken query.
    func answer(to request: HTTPRequest) throws -> HTTPResponse {
        let last = request.queryItems?.filter { $0.name == "after" } ?? []
        guard last.count <= 1 else { throw RegistryError("the query has after twice", code: .invalidQuery) }
        let isJSON = FolderList.prefersJSON(request.headers["Accept"])
        let tag = EntityTag("\(resource.digest)-\(isJSON ? "json" : "html")")
        var headers = RawPath.headers(for: .list, lasts: resource.isFixed)
        headers["ETag"] = tag.description
        headers["Vary"] = "Accept"
        if tag.matches(ifNoneMatch: request.headers["If-None-Match"]) { return HTTPResponse(304, headers: headers) }
        let (entries, isMore) = resource.tree.entries(in: folder, after: last.first?.value, limit: FolderList.entryLimit)
        let next = isMore ? entries.last?.name : nil
        headers["Content-Type"] = isJSON ? "application/json" : "text/html; charset=utf-8"
        let body = isJSON ? json(entries, next).canonical : Array(html(entries, next).utf8)
        return HTTPResponse(200, headers: headers, body: .bytes(body))
    }

    /// Whether a program asks: one that names JSON and, unlike a browser, not HTML.
    private static func prefersJSON(_ accepted: String?) -> Bool {
        let types = (accepted ?? "").lowercased().utf8.split(separator: UInt8(ascii: ",")).map { part in
            String(Substring(part.prefix { $0 != UInt8(ascii: ";") })).trimmed
        }
        return types.contains("application/json") && !types.contains("text/html")
    }

    private var path: String { asked.path.map { $0.text + "/" } ?? "" }

    private func json(_ entries: [ResourceTree.Entry], _ next: String?) -> JSON {
        let list = entries.map { entry -> JSON in
            switch entry {
            case .folder(let name): .members(["name": .string(name), "type": "folder"])
            case .file(let name, let file):
                .members([
                    "name": .string(name), "type": file.symlink == nil ? "file" : "symlink", "digest": .string(file.digest.description),
                    "size": .integer(file.size), "executable": file.executable ? true : nil, "symlink": file.symlink.map { .string($0) },
                ])
            }
        }
        return .members([
            "locator": .string(resource.pinned.description), "path": .string(path), "entries": .array(list),
            "next": next.map { .string($0) },
        ])
    }

    private func html(_ entries: [ResourceTree.Entry], _ next: String?) -> String {
        let title = FolderList.escaped("\(asked.locator)/\(path)")
        var text =
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>\(title)</title></head><body>\n<h1>\(title)</h1>\n"
        text += "<table>\n"
        if asked.path != nil { text += "<tr><td><a href=\"../\">../</a></td><td></td></tr>\n" }
        for entry in entries {
            var (link, about) = ("", "")
            switch entry {
            case .folder(let name): link = PercentEncoding.encode(name) + "/"
            case .file(let name, let file):
                link = PercentEncoding.encode(name)
                about = file.symlink.map { "to \(FolderList.escaped($0))" } ?? String(file.size)
            }
            text += "<tr><td><a href=\"\(link)\">\(FolderList.escaped(entry.name))</a></td><td>\(about)</td></tr>\n"
        }
        text += "</table>\n"
        if let next { text += "<p><a href=\"?after=\(PercentEncoding.encode(next))\">more</a></p>\n" }
        return text + "</body></html>\n"
    }

    /// A text that means nothing in HTML.
    private static func escaped(_ text: String) -> String {
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&"): out += Array("&amp;".utf8)
            case UInt8(ascii: "<"): out += Array("&lt;".utf8)
            case UInt8(ascii: ">"): out += Array("&gt;".utf8)
            case UInt8(ascii: "\""): out += Array("&quot;".utf8)
            case UInt8(ascii: "'"): out += Array("&#39;".utf8)
            default: out.append(byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
