import Foundation
import RxHTTP
import RxModel
import RxPosix
import RxStore
import RxTesting
import Testing

@testable import RxServer

/// Specs/vectors/http.json against fresh servers.
@Suite struct `HTTP vectors` {
    static let document: JSON = try! JSON(
        parsing: [UInt8](Data(contentsOf: repositoryRoot.appendingPathComponent("Specs/vectors/http.json"))))

    private struct Fixtures {
        let all: JSON
        var digests: [String: String] = [:]

        func fill(_ text: String) -> String { digests.reduce(text) { $0.replacingOccurrences(of: "{\($1.key)}", with: $1.value) } }

        func text(_ value: JSON?) -> String? {
            guard let value else { return nil }
            if let text = value["repeat"]?.string, let count = value["count"]?.int { return String(repeating: text, count: count) }
            return value.string.map(fill)
        }

        func parts(_ name: String) throws -> JSON {
            let fixture = all[name]!
            return .array([
                .members(["name": "locator", "text": fixture["locator"]]),
                .members(["name": "manifest", "filename": "m", "json": fixture["definition"]]),
                .members(["name": "content", "filename": "c", "files": fixture["files"]]),
            ])
        }

        func form(_ parts: JSON) throws -> [UInt8] {
            try RxServerTests.form(
                parts.array!.map { part in
                    let content: [UInt8]
                    if let text = text(part["text"]) {
                        content = Array(text.utf8)
                    } else if let json = part["json"] {
                        content = json.canonical
                    } else if let files = part["files"]?.object {
                        content = try archive(files.mapValues { Array(text($0)!.utf8) })
                    } else {
                        content = [UInt8](
                            try Data(contentsOf: repositoryRoot.appendingPathComponent("Specs/vectors/archive/\(part["sample"]!.string!)")))
                    }
                    return FormPart(name: part["name"]!.string!, filename: part["filename"]?.string, content: content)
                })
        }
    }

    @Test(arguments: document["vectors"]!.array!.indices)
    func `are answered as they say`(index: Int) throws {
        let vector = `HTTP vectors`.document["vectors"]!.array![index]
        let name = vector["name"]!.string!
        var fixtures = Fixtures(all: `HTTP vectors`.document["fixtures"]!)
        let settings = vector["settings"] ?? .object([:])
        let setup = try TestServer { _ in }
        let first = try answer(
            setup, .members(["method": "POST", "path": "/api/v1/publish", "multipart": fixtures.parts("hello")]), fixtures)
        let receipt = try JSON(parsing: first.body)
        fixtures.digests = ["manifest": receipt["manifestDigest"]!.string!, "tree": receipt["digest"]!.string!]
        for each in vector["setup"]?.array ?? [] {
            let put = try answer(
                setup, .members(["method": "POST", "path": "/api/v1/publish", "multipart": fixtures.parts(each.string!)]), fixtures)
            #expect(put.status == 201, "\(name)")
        }
        let server = try TestServer(store: setup.store) { configuration in
            var members = settings.object ?? [:]
            members["port"] = 0
            let data = configuration.data
            configuration = try! ServerConfiguration(parsing: JSON.object(members).canonical)
            configuration.data = data
        }
        var last: RawConnection.Answer?
        for request in vector["requests"]?.array ?? [vector["request"]!] { last = try answer(server, request, fixtures) }
        check(last!, vector["response"]!, fixtures, name)
    }

    private func answer(_ server: TestServer, _ request: JSON, _ fixtures: Fixtures) throws -> RawConnection.Answer {
        let method = request["method"]!.string!
        var headers: HTTPHeaders = ["Host": "localhost"]
        var body: [UInt8]?
        if let multipart = request["multipart"] {
            body = try fixtures.form(multipart)
            headers["Content-Type"] = formType
        } else if let text = fixtures.text(request["body"]) {
            body = Array(text.utf8)
        }
        if let body { headers["Content-Length"] = String(body.count) }
        for (key, value) in request["headers"]?.object ?? [:] { headers[key] = fixtures.text(value) }
        let connection = try server.connect()
        let head = headers.fields.map { "\($0.name): \($0.value)\r\n" }.joined()
        try connection.send(Array("\(method) \(fixtures.fill(request["path"]!.string!)) HTTP/1.1\r\n\(head)\r\n".utf8) + (body ?? []))
        return try connection.answer(head: method == "HEAD")
    }

    private func check(_ answer: RawConnection.Answer, _ expected: JSON, _ fixtures: Fixtures, _ name: String) {
        let shown = "\(name): \(answer.status) \(answer.headers.fields.map { "\($0.name): \($0.value)" }) \(answer.text.prefix(500))"
        let json = (try? JSON(parsing: answer.body)) ?? .null
        #expect(answer.status == expected["status"]?.int, "\(shown)")
        if let code = expected["code"] { #expect(json["code"] == code, "\(shown)") }
        for (key, value) in expected["headers"]?.object ?? [:] {
            #expect(answer.headers[key] == fixtures.text(value), "\(key) of \(shown)")
        }
        for key in expected["has_headers"]?.array ?? [] { #expect(answer.headers[key.string!] != nil, "\(key) of \(shown)") }
        for (key, value) in expected["json"]?.object ?? [:] {
            let wanted = try? JSON(parsing: fixtures.fill(value.text))
            #expect(json[key] == wanted, "\(key) of \(shown)")
        }
        for key in expected["absent"]?.array ?? [] { #expect(json[key.string!] == nil, "\(key) of \(shown)") }
        if let results = expected["results"]?.array {
            let found = json["results"]?.array?.compactMap { $0["locator"]?.string }.sorted()
            #expect(found == results.compactMap(\.string).sorted(), "\(shown)")
        }
        if expected["empty"] == true { #expect(answer.body.isEmpty, "\(shown)") }
        if let length = expected["length"]?.int { #expect(answer.body.count == length, "\(shown)") }
        if let hex = expected["body_hex"]?.string {
            #expect(answer.body.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() == hex, "\(shown)")
        }
    }
}
