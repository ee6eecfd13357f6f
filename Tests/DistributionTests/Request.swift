import RxModel

/// A request of the table, ready to be sent.
struct Request {
    let method: String
    let bytes: [UInt8]
    /// How many of the last bytes are its body.
    let bodyLength: Int

    /// `METHOD path`; a saved address may be a whole URL, of which the path counts.
    init(_ line: String, headers: [(String, String?)] = [], body: [UInt8]? = nil, chunked: [[UInt8]]? = nil, host: String) throws {
        let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw TableError("not METHOD path: \(line)") }
        method = parts[0]
        let target = parts[1].replacing(/^https?:\/\/[^\/]+/, with: "")
        var fields: [(String, String)] = [("Host", host)]
        if chunked != nil {
            fields.append(("Transfer-Encoding", "chunked"))
        } else if let body {
            fields.append(("Content-Length", String(body.count)))
        } else if ["POST", "PUT", "PATCH"].contains(method) {
            fields.append(("Content-Length", "0"))
        }
        if ["GET", "HEAD"].contains(method) { fields.append(("Accept", MediaTypes.all.joined(separator: ", "))) }
        for (name, value) in headers {
            fields.removeAll { $0.0.lowercased() == name.lowercased() }
            if let value { fields.append((name, value)) }
        }
        var content = body ?? []
        if let chunked {
            content = chunked.filter { !$0.isEmpty }.flatMap { Array("\(String($0.count, radix: 16))\r\n".utf8) + $0 + [13, 10] }
            content += Array("0\r\n\r\n".utf8)
        }
        bodyLength = content.count
        bytes = Array("\(method) \(target) HTTP/1.1\r\n\(fields.map { "\($0): \($1)\r\n" }.joined())\r\n".utf8) + content
    }
}
