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
                    // A 304 tells the length of the 200, never sends it; of what is not built or looked at yet there is none to tell.
                    let body = context.archives.ready(record).map(ContentEndpoint.body) ?? .empty
                    return respond(HTTPResponse(304, headers: ["ETag": tag.description, "Accept-Ranges": "bytes"], body: body))
                }
                context.archives.archive(of: record) { result in
                    do { respond(try ContentEndpoint.answer(result.get(), tag, call.request)) } catch {
                        respond(context.failure(error, call))
                    }
                }
            } catch { respond(context.failure(error, call)) }
        }
    }

    /// The whole archive or the range that was asked for.
    private static func answer(_ archive: SealedArchive, _ tag: EntityTag, _ request: HTTPRequest) -> HTTPResponse {
        let headers: HTTPHeaders = [
            "Content-Type": "application/gzip", "Content-Disposition": "attachment; filename=\"archive.tar.gz\"", "ETag": tag.description,
            "Accept-Ranges": "bytes",
        ]
        return HTTPResponse.ranged(body(archive), tag: tag, headers: headers, to: request, what: "archive")
    }

    private static func body(_ archive: SealedArchive) -> HTTPResponse.Body { .file(archive.file, offset: 0, length: archive.length) }
}
