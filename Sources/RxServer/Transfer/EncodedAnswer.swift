import RxArchive
import RxHTTP
import RxModel
import RxProtocol

extension HTTPResponse {
    /// The answer compressed, when it is a long one in JSON and the client allows it. Source: Specs/12-transfer.
    func encoded(for request: HTTPRequest) throws -> HTTPResponse {
        guard case .bytes(let bytes) = body, bytes.count > TransferWire.encodedBytes, status != 304,
            ["application/json", ResourceDescription.mediaType].contains(headers["Content-Type"])
        else { return self }
        var response = self
        response.headers["Vary"] = (headers.values(of: "Vary") + ["Accept-Encoding"]).joined(separator: ", ")
        let coding = ContentCoding.preferred(request.headers["Accept-Encoding"])
        switch coding {
        case .identity: return response
        case .zstd: response.body = .bytes(try zstdCompressed(bytes))
        case .gzip:
            let sink = BytesSink()
            let gzip = GzipSink(sink, level: 1)
            try bytes.withUnsafeBytes { try gzip.write($0) }
            try gzip.finish()
            response.body = .bytes(sink.bytes)
        }
        response.headers["Content-Encoding"] = coding.rawValue
        // The same thing in other bytes. Source: RFC 9110, section 8.8.1.
        if let tag = headers["ETag"], !tag.hasPrefix("W/") { response.headers["ETag"] = "W/\(tag)" }
        return response
    }
}
