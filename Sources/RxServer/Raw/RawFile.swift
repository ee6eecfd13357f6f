import Glibc
package import RxHTTP
package import RxModel

/// A file that is about to be sent.
package struct RawFile: Sendable {
    /// The resource that it belongs to.
    package let resource: RawResource
    /// The regular file, which may have another path than was asked for.
    package let file: ResourceFile
    /// The name that was asked for, which tells its type.
    let name: String

    /// The answer to who has it already; nil for others.
    package func unchanged(for request: HTTPRequest) -> HTTPResponse? {
        guard tag.matches(ifNoneMatch: request.headers["If-None-Match"]) else { return nil }
        return HTTPResponse(304, headers: common)
    }

    /// The whole file, or the range that was asked for.
    package func response(to request: HTTPRequest, _ body: HTTPResponse.Body) -> HTTPResponse {
        HTTPResponse.ranged(body, tag: tag, headers: headers(body), to: request, what: "file")
    }

    /// The headers of the whole file.
    @Sendable func headers(_ body: HTTPResponse.Body) -> HTTPHeaders {
        var headers = common
        headers["Content-Type"] = FileType.contentType(name: name, front: body.front(FileType.frontLength))
        return headers
    }

    var tag: EntityTag { EntityTag(file.digest.description) }

    private var common: HTTPHeaders {
        var headers = RawPath.headers(for: .file, lasts: resource.isFixed)
        headers["ETag"] = tag.description
        headers["Accept-Ranges"] = "bytes"
        return headers
    }
}

extension HTTPResponse.Body {
    /// The first bytes, up to `length` of them; nil when they cannot be had before the body is sent.
    fileprivate func front(_ length: Int) -> [UInt8]? {
        switch self {
        case .empty: return []
        case .bytes(let bytes): return Array(bytes.prefix(length))
        case .memory(let memory, let range): return Array(memory.bytes[range].prefix(length))
        case .file(let file, let offset, let whole):
            let wanted = min(length, whole)
            var count = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
                while count < wanted,
                    case let more = pread(file.number, buffer.baseAddress! + count, wanted - count, off_t(offset + count)),
                    more > 0
                { count += more }
                filled = count
            }
            return count == wanted ? bytes : nil
        case .stream: return nil
        }
    }
}
