import RxHTTP
import RxModel

extension HTTPResponse {
    /// The answer to a conditional or range request for `content`: the whole of it, a part, or that there is none such.
    ///
    /// Source: RFC 9110, sections 13 and 14.
    static func ranged(_ content: Body, tag: EntityTag, headers: HTTPHeaders, to request: HTTPRequest, what: String) -> HTTPResponse {
        let size = content.count
        // The parts of what is made while it is sent are not known before.
        let hasParts = if case .stream = content { false } else { true }
        guard !tag.matches(ifNoneMatch: request.headers["If-None-Match"]) else {
            // A 304 tells the length of the 200 but never sends it; nor is it made only to be measured.
            return HTTPResponse(304, headers: headers, body: hasParts ? content : .empty)
        }
        // Ranges are for GET only; a HEAD tells of the whole.
        let asked = request.method == "GET" && hasParts && tag.allows(ifRange: request.headers["If-Range"]) ? request.headers["Range"] : nil
        let range = size == 0 ? ByteRange.whole : ByteRange(asked, length: size)
        var headers = headers
        if let text = range.contentRange(length: size) { headers["Content-Range"] = text }
        switch range {
        case .whole: return HTTPResponse(200, headers: headers, body: content)
        case .part(let part): return HTTPResponse(206, headers: headers, body: content.part(part))
        case .unsatisfiable:
            let error = RegistryError("the \(what) has \(size) bytes, none of them in the range", code: .rangeNotSatisfiable)
            var kept: HTTPHeaders = ["ETag": tag.description, "Accept-Ranges": "bytes"]
            kept["Content-Range"] = headers["Content-Range"]
            return Face(path: request.path).failure(error, headers: kept)
        }
    }
}

extension HTTPResponse.Body {
    /// Some of the bytes.
    fileprivate func part(_ range: Range<Int>) -> HTTPResponse.Body {
        switch self {
        case .empty: .empty
        case .bytes(let bytes): .bytes(Array(bytes[range]))
        case .file(let file, let offset, _): .file(file, offset: offset + range.lowerBound, length: range.count)
        case .memory(let memory, let whole):
            .memory(memory, whole.lowerBound + range.lowerBound..<whole.lowerBound + range.upperBound)
        case .stream: self
        }
    }
}
