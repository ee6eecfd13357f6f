import RxTesting
import Testing

@testable import RxModel

@Suite struct `Locators with paths` {
    private func readings(_ text: String) throws -> [String] {
        try LocatorPath.readings(of: text).map { "\($0.locator) \($0.path?.text ?? "-")\($0.isFolder ? " /" : "")" }
    }

    @Test func `a locator with a path behind it is read in each way that there is`() throws {
        let pin = "acme/tools@sha256:" + String(repeating: "a", count: 64)
        let cases: [(String, [String])] = [
            ("prompt", ["prompt -"]),
            ("acme/tools", ["acme/tools -", "acme tools"]),
            ("acme/tools:1.2.0/src/a.py", ["acme/tools:1.2.0 src/a.py"]),
            ("acme/tools:1.2.0/", ["acme/tools:1.2.0 - /"]),
            ("acme/tools/", ["acme/tools - /", "acme tools /"]),
            ("acme/tools/src/", ["acme/tools/src - /", "acme/tools src /", "acme tools/src /"]),
            ("a/b/c.py", ["a/b/c.py -", "a/b c.py", "a b/c.py"]),
            ("tools/a:b", ["tools/a:b -"]),
            ("tools/x/@types", ["tools/x @types", "tools x/@types"]),
            ("hub.example/tools:1/a.py", ["hub.example/tools:1 a.py"]),
            ("tools@sha256:ab12/a/b", ["tools@sha256:ab12 a/b"]),
            (pin + "/", [pin + " - /"]),
            ("tools:1.0/a b$.txt", ["tools:1.0 a b$.txt"]),
            ("tools:1.2.0/lib:2/x", ["tools:1.2.0 lib:2/x"]), ("tools:latest/lib:2/x", ["tools lib:2/x"]),
            ("tools/lib:2/x", ["tools/lib:2 x"]),
            ("localhost:3000/acme/tools", ["localhost:3000/acme/tools -", "localhost:3000/acme tools", "localhost:3000 acme/tools"]),
            // A percent sign is one of a path alone.
            ("a/100%/x", ["a 100%/x"]), ("a/b%2Dc", ["a b%2Dc"]),
            // A path keeps its form.
            ("a/cafe\u{301}", ["a/caf\u{e9} -", "a cafe\u{301}"]),
        ]
        for (text, expected) in cases { #expect(try readings(text) == expected, "\(text)") }
        let long = "a/" + String(repeating: "d/", count: 1000) + "f"
        #expect(try readings(long).count == 128, "no locator is longer than 256 bytes")
    }

    @Test(arguments: [
        "/", "/tools", "tools:1/../../etc/passwd", "tools:/a", "@x/y", "a/../b", "a/./b", "a//b", "a/b\u{0}", "a/b\n", "a/..", "a/.",
        "../a", "/a", "", "a:/b", "@/x", "%", "a%2fb",
    ])
    func `a text without a reading is refused`(_ text: String) {
        let error = #expect(throws: (any Error).self) { try LocatorPath.readings(of: text) }
        #expect(error is any ResourceError)
    }

    @Test(arguments: [
        ("1.2.3", true), ("0.0.0", true), ("1.2.3-rc.1", true), ("10.20.30-0a.-", true), ("1.2.3--", true),
        ("latest", false), ("1.2", false), ("1", false), ("v1.2.3", false), ("1.2.3.4", false), ("01.2.3", false), ("", false),
        ("..", false),
        ("1.2.3-", false), ("1.2.3-01", false), ("1.2.3-a.", false), ("1.2.x", false), ("1.2.3-a_b", false), ("1.2.3+b", false),
    ])
    func `a full version is told from other tags`(_ tag: String, _ isFull: Bool) {
        #expect(SemanticVersion.isFull(tag) == isFull)
    }
}
