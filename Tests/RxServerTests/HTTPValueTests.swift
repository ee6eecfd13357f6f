import RxHTTP
import Testing

@Suite struct `Byte ranges` {
    @Test(
        arguments: [
            (nil, ByteRange.whole), ("bytes=0-0", .part(0..<1)), ("bytes=0-99", .part(0..<100)), ("bytes=0-100", .part(0..<100)),
            ("bytes=99-", .part(99..<100)), ("bytes=100-", .unsatisfiable), ("bytes=100-200", .unsatisfiable),
            ("bytes=-1", .part(99..<100)),
            ("bytes=-100", .part(0..<100)), ("bytes=-1000", .part(0..<100)), ("bytes=-0", .unsatisfiable), ("BYTES = 1-2", .part(1..<3)),
            ("bytes=5-1", .unsatisfiable), ("bytes=0-1,3-4", .whole), ("bytes=a-b", .whole), ("bytes=", .whole), ("bytes=-", .whole),
            ("bytes", .whole),
            ("lines=0-1", .whole), ("bytes=+1-2", .whole), ("bytes=0x1-2", .whole), ("bytes=1--2", .whole), ("bytes=--1", .whole),
            ("bytes=0-99999999999999999999999", .part(0..<100)), ("bytes=99999999999999999999999-", .unsatisfiable),
            ("bytes=-99999999999999999999999", .part(0..<100)),
        ] as [(String?, ByteRange)])
    func `of a hundred bytes follow RFC 9110`(header: String?, expected: ByteRange) { #expect(ByteRange(header, length: 100) == expected) }

    @Test func `of nothing are never satisfiable`() {
        #expect(ByteRange("bytes=0-0", length: 0) == .unsatisfiable)
        #expect(ByteRange("bytes=-5", length: 0) == .unsatisfiable)
        #expect(ByteRange("bytes=0-", length: 0) == .unsatisfiable)
    }

    @Test func `say where they are`() {
        #expect(ByteRange.part(0..<10).contentRange(length: 100) == "bytes 0-9/100")
        #expect(ByteRange.unsatisfiable.contentRange(length: 100) == "bytes */100")
        #expect(ByteRange.whole.contentRange(length: 100) == nil)
    }
}

@Suite struct `Entity tags` {
    private let tag = EntityTag("sha256:ab")

    @Test(arguments: [
        ("\"sha256:ab\"", true), ("W/\"sha256:ab\"", true), ("*", true), (" * ", true), ("\"x\", \"sha256:ab\"", true),
        ("\"x\",,W/\"sha256:ab\"", true),
        ("\"sha256:a\"", false), ("sha256:ab", false), ("", false), ("\"sha256:ab", false), ("\"a*\"", false),
    ])
    func `match If-None-Match weakly`(header: String, expected: Bool) { #expect(tag.matches(ifNoneMatch: header) == expected) }

    @Test func `do not match what is not sent`() { #expect(!tag.matches(ifNoneMatch: nil)) }

    @Test(arguments: [
        ("\"sha256:ab\"", true), ("W/\"sha256:ab\"", false), ("\"other\"", false), ("Wed, 21 Oct 2015 07:28:00 GMT", false), ("*", false),
        ("\"sha256:ab\", \"x\"", false), ("", false),
    ])
    func `match If-Range strongly`(header: String, expected: Bool) { #expect(tag.allows(ifRange: header) == expected) }

    @Test func `allow a range without If-Range`() { #expect(tag.allows(ifRange: nil)) }
}

@Suite struct `Header fields` {
    @Test func `are found without case and keep their order`() {
        var headers: HTTPHeaders = ["Content-Type": "text/plain", "X-A": "1"]
        headers.append("x-a", "2")
        #expect(headers["CONTENT-TYPE"] == "text/plain")
        #expect(headers["X-A"] == "1, 2")
        #expect(headers.values(of: "x-A") == ["1", "2"])
        headers["X-a"] = "3"
        #expect(headers.fields.map(\.value) == ["text/plain", "3"])
        headers["content-type"] = nil
        #expect(headers["Content-Type"] == nil)
    }

    @Test func `hold tokens`() {
        let headers: HTTPHeaders = ["Connection": "keep-alive, Close"]
        #expect(headers.contains("close", in: "connection"))
        #expect(!headers.contains("clos", in: "connection"))
    }
}

@Suite struct `Request targets` {
    @Test(
        arguments: [
            ("/a/b?x=1", "/a/b", "x=1"), ("/a", "/a", nil), ("/a?", "/a", ""), ("http://host:1/a?b", "/a", "b"), ("https://host", "/", nil),
            ("http://host?q", "", "q"), ("*", "*", nil), ("/a?b?c", "/a", "b?c"),
        ] as [(String, String, String?)])
    func `are split into path and query`(target: String, path: String, query: String?) {
        let request = HTTPRequest(method: "GET", target: target)
        #expect(request.path == path)
        #expect(request.query == query)
    }

    @Test func `have queries that are decoded once`() throws {
        let items = try #require(HTTPRequest(method: "GET", target: "/?q=a+b%2Bc&&x&y=%2525&z==").queryItems)
        #expect(items.map(\.name) == ["q", "x", "y", "z"])
        #expect(items.map(\.value) == ["a b+c", "", "%25", "="])
    }

    @Test(arguments: ["/?q=%", "/?q=%f", "/?q=%zz", "/?q=%ff", "/?%ff=1"])
    func `have no items when an escape is broken`(target: String) { #expect(HTTPRequest(method: "GET", target: target).queryItems == nil) }
}
