import Glibc
import RxHTTP
import RxModel
import RxTesting
import Testing

@testable import RxClient

@Suite struct `Rules of the distribution protocol` {
    @Test(arguments: [
        ("</v2/a/tags/list?n=2&last=b>; rel=\"next\"", "/v2/a/tags/list?n=2&last=b"), ("<x>; rel=next", "x"),
        ("<a>; rel=prev, <b>; title=\"x, <y>; \\\"q\\\"\"; rel=\"last next\"", "b"), ("<a> ; REL = \"Next\"", "a"), ("<a>", nil),
        ("<a>; rel=prev; rel=next", nil), ("a; rel=next", nil), ("<a; rel=next", nil), ("", nil), ("<a>; rel=\"next", nil),
        (",, <a>;;rel=next", "a"),
    ])
    func `a link to the next page is read`(_ header: String, _ expected: String?) {
        #expect(LinkHeader.next(["Link": header]) == expected)
    }

    @Test func `pages go on at the registry's own address and end when one comes again`() {
        var pages = Pages("/v2/a/tags/list?n=1")
        #expect(outcome(pages.advance("/base/v2/a/tags/list?last=x", base: "/base")))
        #expect(pages.path == "/v2/a/tags/list?last=x")
        #expect(outcome(!pages.advance("/v2/a/tags/list?n=1", base: "")))
        #expect(outcome(pages.advance(nil, base: "")))
        #expect(pages.path == nil)
    }

    @Test(arguments: [
        ("team/hello", true), ("a", true), ("a__b/c-d--e/f.g_h", true), ("Team/hello", false), ("a___b", false), ("a..b", false),
        ("a._b", false), ("-a", false), ("a-", false), ("a//b", false), ("/a", false), ("", false), ("a/ü", false),
        (String(repeating: "a", count: 256), false),
    ])
    func `names that every registry takes are known`(_ name: String, _ expected: Bool) {
        #expect(DistributionClient.isPortable(name) == expected)
    }

    @Test(
        arguments: [
            (nil, 0), ("", 0), ("0-0", 1), ("0-99", 100), ("bytes=0-99", 100), ("0--1", 0), ("5-9", nil), ("0-", nil), ("0-x", nil),
            ("9", nil),
        ] as [(String?, Int?)])
    func `what a session has is read from its range`(_ header: String?, _ expected: Int?) {
        #expect(UploadPlace.held(header) == expected)
    }

    @Test(arguments: [
        ("/v2/a/blobs/uploads/1", "http://h:5000/v2/a/blobs/uploads/1?digest=D"),
        ("uploads/1?_state=x%3D&b", "http://h:5000/v2/a/blobs/uploads/1?_state=x%3D&b&digest=D"),
        ("http://other/u?", "http://other/u?digest=D"), ("https://other:1/u?a=b&", "https://other:1/u?a=b&digest=D"),
        ("/u#part", "http://h:5000/u?digest=D"), ("ftp://other/u", nil), ("http://", nil),
    ])
    func `a session's place is followed and closed with the digest`(_ location: String, _ expected: String?) throws {
        let digest = ContentDigest.sha256(sha256Empty)
        let place = UploadPlace(location, answeredBy: "http://h:5000/v2/a/blobs/start")
        #expect(place?.closing(digest) == expected?.replacing("digest=D", with: "digest=\(digest)"))
    }

    @Test func `a session that https gave is not followed to http`() {
        #expect(UploadPlace("http://h/u", answeredBy: "https://h/v2/") == nil)
        #expect(UploadPlace(nil, answeredBy: "https://h/v2/") == nil)
    }

    @Test func `a download takes the rest, the whole again, or nothing that does not fit`() throws {
        var download = BlobDownload(size: 10)
        #expect(download.range == nil)
        #expect(download.action(status: 200, contentRange: nil) == .take(skipping: 0))
        try download.pass(4)
        #expect(download.range == "bytes=4-")
        #expect(download.action(status: 200, contentRange: nil) == .take(skipping: 4))
        #expect(download.action(status: 206, contentRange: "bytes 4-9/10") == .take(skipping: 0))
        #expect(download.action(status: 206, contentRange: "bytes 2-9/*") == .take(skipping: 2))
        for range in ["bytes 5-9/10", "bytes 4-", "bytes */10", "4-9/10", "bytes 9-4/10", "bytes x-9/10"] {
            guard case .wrong = download.action(status: 206, contentRange: range) else {
                Issue.record("\(range) was taken")
                continue
            }
        }
        guard case .wrong = download.action(status: 416, contentRange: nil) else { return #expect(Bool(false)) }
        #expect(download.action(status: 404, contentRange: nil) == .missing)
        #expect(download.action(status: 500, contentRange: nil) == .refused)
        try download.pass(6)
        #expect(download.action(status: 416, contentRange: nil) == .complete)
        #expect(throws: ContentError.self) { try download.pass(1) }
    }

    @Test func `an error body becomes code and words that are fit to be shown`() {
        let body = #"{"errors":[{"code":"DENIED","message":"no\u001b[31m access","detail":"for you"},{"code":"X"}]}"#
        let failure = DistributionFailure(parsing: Array(body.utf8))
        #expect(failure.code == "DENIED" && failure.message == "no [31m access: for you; X")
        let error = failure.error(status: 403, host: "http://h", authority: "h", what: "take it")
        #expect(error.message == "http://h refused to take it: no [31m access: for you; X")
        #expect(error.code.wire == "DENIED" && error.hint == "to be another user: rx login h")
        #expect(DistributionFailure(parsing: Array("<html>".utf8)) == DistributionFailure(parsing: []))
        #expect(DistributionFailure(parsing: Array(#"{"error":"e","code":"C"}"#.utf8)).message == "e")
        let plain = DistributionFailure(parsing: []).error(status: 405, host: "http://h", authority: "h", what: "delete x")
        #expect(plain.message == "http://h refused to delete x: it answered 405" && plain.code.wire == "UNSUPPORTED")
    }

    @Test func `patience ends, and begins again with progress`() {
        var policy = RetryPolicy()
        (policy.attempts, policy.pause, policy.random) = (3, 1, { 1 })
        var patience = Patience(policy)
        let lost = HTTPFailure(.interrupted, "x").error(endpoint: "h")
        let refused = HTTPFailure(.refused, "x").error(endpoint: "h")
        #expect(patience.pause(after: refused) == nil, "nobody was ever there")
        #expect(patience.pause(after: lost) == 1)
        #expect(patience.pause(after: refused) == 2, "it was there before")
        #expect(patience.pause(after: lost) == nil)
        patience.progressed()
        #expect(patience.pause(after: ResponseHead(status: 503, headers: ["Retry-After": "7"], url: "")) == 7)
        #expect(patience.pause(after: ResponseHead(status: 429, headers: ["Retry-After": "700"], url: "")) == nil)
        #expect(patience.pause(after: ResponseHead(status: 500, url: "")) == nil)
        #expect(patience.pause(after: ContentError("x")) == nil)
        var later = Patience(policy) { true }
        #expect(later.pause(after: refused) == 1, "it has answered others meanwhile")
    }

    @Test func `time in which bytes moved is not spent in vain`() {
        var policy = RetryPolicy()
        (policy.deadline, policy.random) = (1, { 0 })
        let lost = HTTPFailure(.interrupted, "x").error(endpoint: "h")
        var patience = Patience(policy)
        usleep(1_100_000)
        var other = patience
        #expect(other.pause(after: lost) == nil)
        patience.moved()
        #expect(patience.pause(after: lost) == 0)
    }
}

/// The SHA-256 of nothing.
let sha256Empty = Digest("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")!
