import RxModel
import Testing

@testable import RxServer

@Suite struct `Multipart bodies` {
    struct Read: Equatable {
        var name: String?
        var isFile: Bool
        var content: String
    }

    private func read(_ body: String, boundary: String = "b", piece: Int = .max, type: String? = nil) throws -> [Read]? {
        var reader = try MultipartReader(contentType: type ?? "multipart/form-data; boundary=\(boundary)")
        var parts: [Read] = []
        let bytes = Array(body.utf8)
        for start in stride(from: 0, to: bytes.count, by: min(piece, max(1, bytes.count))) {
            try bytes[start..<min(bytes.count, start + min(piece, bytes.count))].withUnsafeBytes { raw in
                try reader.read(raw) { event in
                    switch event {
                    case .partBegan(let part): parts.append(Read(name: part.name, isFile: part.isFile, content: ""))
                    case .content(let content): parts[parts.count - 1].content += String(decoding: content, as: UTF8.self)
                    case .partEnded: break
                    }
                }
            }
        }
        return reader.isComplete ? parts : nil
    }

    @Test(arguments: [1, 2, 3, 5, 7, 64, .max])
    func `are read alike in pieces of any size`(piece: Int) throws {
        let body = Sample.two
        #expect(
            try read(body, piece: piece) == [
                Read(name: "locator", isFile: false, content: "a\r\n--\r\n-\r\n--a"),
                Read(name: "content", isFile: true, content: "\r\r\n"),
            ])
    }

    @Test func `may have empty parts and no part`() throws {
        #expect(try read("--b\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n--b--") == [Read(name: "x", isFile: false, content: "")])
        #expect(try read("--b--") == [])
        #expect(try read("--b\r\n\r\nnameless\r\n--b--") == [Read(name: nil, isFile: false, content: "nameless")])
    }

    @Test func `are incomplete without their last boundary`() throws {
        for end in 0..<Sample.two.utf8.count - "--\r\nepilogue --b\r\n".utf8.count {
            let cut = String(decoding: Array(Sample.two.utf8)[..<end], as: UTF8.self)
            #expect(try read(cut) == nil, "cut at \(end)")
        }
    }

    @Test(arguments: [
        "multipart/form-data; boundary=b", "multipart/form-data;boundary=\"b\"", "MULTIPART/Form-Data; charset=utf-8; BOUNDARY=b; x=y",
        "multipart/form-data; boundary=\"b\"; x=\"y;z\"",
    ])
    func `have boundaries as clients write them`(type: String) throws { #expect(try read("--b--", type: type) == []) }

    @Test(arguments: [
        ("application/json", "UNSUPPORTED_TYPE"), ("multipart/mixed; boundary=b", "UNSUPPORTED_TYPE"), ("", "UNSUPPORTED_TYPE"),
        ("multipart/form-data", "INVALID_REQUEST"), ("multipart/form-data; boundary=", "INVALID_REQUEST"),
        ("multipart/form-data; boundary=\"\"", "INVALID_REQUEST"),
        ("multipart/form-data; boundary=\(String(repeating: "x", count: 71))", "INVALID_REQUEST"),
    ])
    func `of another type or without boundary are refused`(type: String, code: String) {
        let error = #expect(throws: RegistryError.self) { try MultipartReader(contentType: type) }
        #expect(error?.code.wire == code)
    }

    @Test(arguments: [
        "--b\r\nno colon\r\n\r\nx\r\n--b--", "--bx\r\n\r\n\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\nx\r\n--b--",
        "--b\r\nX: \(String(repeating: "x", count: 20_000))\r\n\r\nx\r\n--b--",
    ])
    func `that are broken are refused`(body: String) {
        let error = #expect(throws: RegistryError.self) { try read(body) }
        #expect(error?.code == .invalidRequest)
    }
}

private enum Sample {
    static let two =
        "preamble\r\n--b\r\nContent-Disposition: form-data; name=\"locator\"\r\n\r\na\r\n--\r\n-\r\n--a\r\n--b \t\r\n"
        + "content-disposition:form-data;filename*=UTF-8''x;NAME=content\r\nContent-Type: x/y\r\n\r\n\r\r\n\r\n--b--\r\nepilogue --b\r\n"
}
