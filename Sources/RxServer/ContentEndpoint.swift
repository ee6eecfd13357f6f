import Glibc
import RxHTTP
import RxModel
import RxPosix
import RxStore

/// `GET` and `HEAD /api/v1/content/:locator`: the resource's files as one tar.gz.
struct ContentEndpoint: Endpoint {
    let methods = ["GET", "HEAD"]

    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        let locator = try call.locator()
        return .work { respond in
            do {
                let record = try context.resolve(locator)
                let tag = EntityTag(record.manifestDigest.description)
                guard !tag.matches(ifNoneMatch: call.request.headers["If-None-Match"]) else {
                    // A 304 tells the length of the 200, never sends it; of what is not built yet there is none to tell.
                    let file = context.archives.ready(record)
                    let body = try file.map { HTTPResponse.Body.file($0, offset: 0, length: Int(try $0.status().st_size)) } ?? .empty
                    return respond(HTTPResponse(304, headers: ["ETag": tag.description, "Accept-Ranges": "bytes"], body: body))
                }
                context.archives.archive(of: record) { result in
                    do { respond(try ContentEndpoint.answer(result.get(), tag, call.request)) } catch {
                        respond(context.failure(error, id: call.id))
                    }
                }
            } catch { respond(context.failure(error, id: call.id)) }
        }
    }

    /// The whole archive or the range that was asked for. Source: RFC 9110, sections 13 and 14.
    private static func answer(_ file: FileDescriptor, _ tag: EntityTag, _ request: HTTPRequest) throws -> HTTPResponse {
        let size = Int(try file.status().st_size)
        var headers: HTTPHeaders = [
            "Content-Type": "application/gzip", "Content-Disposition": "attachment; filename=\"archive.tar.gz\"", "ETag": tag.description,
            "Accept-Ranges": "bytes",
        ]
        // Ranges are for GET only; a HEAD tells of the whole.
        let asked = request.method == "GET" && tag.allows(ifRange: request.headers["If-Range"]) ? request.headers["Range"] : nil
        let range = ByteRange(asked, length: size)
        if let text = range.contentRange(length: size) { headers["Content-Range"] = text }
        switch range {
        case .whole: return HTTPResponse(200, headers: headers, body: .file(file, offset: 0, length: size))
        case .part(let part): return HTTPResponse(206, headers: headers, body: .file(file, offset: part.lowerBound, length: part.count))
        case .unsatisfiable:
            let error = RegistryError("the archive has \(size) bytes, none of them in the range", code: .rangeNotSatisfiable)
            return .failure(
                error, headers: ["Content-Range": headers["Content-Range"]!, "ETag": tag.description, "Accept-Ranges": "bytes"])
        }
    }
}
