import Foundation
import RxArchive
import RxCrypto
import RxHTTP
import RxModel
import RxProtocol
import RxTesting

/// The tar of some blobs, each named by its digest.
func batch(_ blobs: [[UInt8]]) throws -> [UInt8] {
    let sink = BytesSink()
    let writer = BatchWriter(to: sink)
    for blob in blobs { try writer.add(sha256(blob), size: blob.count, content: BytesSource(blob)) }
    try writer.finish()
    return sink.bytes
}

/// The blobs of a batch stream, verified.
func blobs(of stream: [UInt8]) throws -> [[UInt8]] {
    let reader = try BatchReader(BytesSource(stream))
    var blobs: [[UInt8]] = []
    while let entry = try reader.next() {
        let bytes = try reader.readAll()
        guard sha256(bytes) == entry.digest, bytes.count == entry.size else {
            throw ContentError.mismatch(expected: entry.digest, got: sha256(bytes))
        }
        blobs.append(bytes)
    }
    return blobs
}

extension RawConnection {
    /// Sends a POST and waits for its answer.
    func post(_ path: String, _ headers: HTTPHeaders = [:], _ body: [UInt8]) throws -> Answer {
        try send(RawConnection.head(path, headers, length: body.count) + body)
        return try answer()
    }

    /// The head of a POST.
    static func head(_ path: String, _ headers: HTTPHeaders = [:], length: Int) -> [UInt8] {
        let lines = headers.fields.map { "\($0.name): \($0.value)\r\n" }.joined()
        return Array("POST \(path) HTTP/1.1\r\nHost: h\r\nContent-Length: \(length)\r\n\(lines)\r\n".utf8)
    }
}

extension TestServer {
    /// Which of some blobs a repository's registry lacks.
    func missing(_ blobs: [[UInt8]], in repository: String) throws -> [Digest] {
        let query = MissingQuery(repository: repository, blobs: blobs.map { MissingQuery.Blob(digest: sha256($0), size: $0.count) })
        return try MissingAnswer(parsing: connect().post(Route.blobsMissing, [:], query.canonical).body).missing
    }
}
