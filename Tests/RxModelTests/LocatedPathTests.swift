import RxModel
import RxTesting
import Testing

@Suite struct `A locator with a path` {
    func readings(_ text: String) throws -> [String] {
        try LocatedPath.readings(of: text).map { "\($0.locator) \($0.path?.text ?? "")\($0.isFolder ? "/" : "")" }
    }

    @Test func `is read with the longest locator first`() throws {
        #expect(try readings("a/b/c.py") == ["a/b/c.py ", "a/b c.py", "a b/c.py"])
        #expect(try readings("tools:1.2.0/lib/x.py") == ["tools:1.2.0 lib/x.py"])
        #expect(try readings("acme/tools:1.2.0/lib/x.py") == ["acme/tools:1.2.0 lib/x.py", "acme tools:1.2.0/lib/x.py"])
        #expect(try readings("acme/tools") == ["acme/tools ", "acme tools"])
        #expect(try readings("acme/tools/") == ["acme/tools /", "acme tools/"])
        let pin = "acme/tools@sha256:" + String(repeating: "a", count: 64)
        #expect(try readings(pin + "/") == [pin + " /", "acme tools@sha256:\(String(repeating: "a", count: 64))/"])
        #expect(try readings("a/100%/x") == ["a 100%/x"], "a percent sign is one of a path alone")
        #expect(try readings("a/cafe\u{301}") == ["a/caf\u{e9} ", "a cafe\u{301}"], "a path keeps its form")
        let long = "a/" + String(repeating: "d/", count: 1000) + "f"
        #expect(try readings(long).count == 128, "no locator is longer than 256 bytes")
    }

    @Test(arguments: ["a/../b", "a/./b", "a//b", "a/b\u{0}", "a/b\n", "a/..", "a/.", "../a", "/a", "", "a:/b", "@/x", "%", "a%2fb"])
    func `is refused when no reading holds`(_ text: String) {
        let error = #expect(throws: (any Error).self) { try LocatedPath.readings(of: text) }
        #expect(error is any ResourceError)
    }

    @Test(arguments: [
        ("a:1.2.3", true), ("a:0.0.0", true), ("a:1.2.3-rc.1", true), ("a:10.20.30-0a.-", true),
        ("a@sha256:" + String(repeating: "0", count: 64), true),
        ("a", false), ("a:latest", false), ("a:1.2", false), ("a:1", false), ("a:v1.2.3", false), ("a:1.2.3.4", false), ("a:01.2.3", false),
        ("a:1.2.3-", false), ("a:1.2.3-01", false), ("a:1.2.3-a.", false), ("a:1.2.x", false), ("a:1.2.3-a_b", false),
        ("a@sha256:00", false),
    ])
    func `is pinned by a digest or a full version`(_ text: String, _ isPinned: Bool) throws {
        #expect(try LocatedPath.readings(of: text + "/f").contains { $0.path?.text == "f" && $0.isPinned } == isPinned)
    }
}
