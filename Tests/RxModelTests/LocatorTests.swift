import RxModel
import RxTesting
import Testing

@Suite struct `Locators` {
    @Test(arguments: try vectors("locator")) func `follow the vectors`(_ vector: JSON) throws {
        let name = vector["name"]?.string ?? "?"
        let input = try #require(vector["input"]?.string)
        if let message = vector["error"]?.string {
            let error = #expect(throws: LocatorError.self, "\(name)") { try Locator(parsing: input) }
            #expect(error?.message == message, "\(name)")
            #expect(error?.locator == input)
            return
        }
        let locator = try Locator(parsing: input)
        #expect(locator.registry == vector["registry"]?.string, "\(name)")
        #expect(locator.path == vector["path"]?.string, "\(name)")
        #expect(locator.name == vector["name_part"]?.string, "\(name)")
        #expect(locator.tag == vector["tag"]?.string, "\(name)")
        let digest = vector["digest"]?.string
        #expect(locator.digestPrefix == digest.map { $0.hasPrefix("sha256:") ? String($0.dropFirst(7)) : $0 }, "\(name)")
        #expect(locator.description == vector["formatted"]?.string, "\(name)")
        #expect(try Locator(parsing: locator.description) == locator, "what is formatted parses to the same locator: \(name)")
    }

    @Test func `any bytes either parse to something that formats and parses again, or throw`() throws {
        var random = SplitMix(seed: 7)
        let alphabet = Array("ab.:/@%2fe\\-_AZ0é sha256\u{301}".unicodeScalars)
        for _ in 0..<20_000 {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...24, using: &random) { text.append(alphabet.randomElement(using: &random)!) }
            guard let locator = try? Locator(parsing: String(text)) else { continue }
            #expect(try Locator(parsing: locator.description) == locator, "\(String(text))")
            let copy = locator.at(registry: "registry.example:65535").pinned(to: ResourceManifest.emptyConfigDigest)
            #expect(try Locator(parsing: copy.description) == copy, "every locator can be copied and pinned: \(String(text))")
        }
    }
}

/// A small repeatable random source.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

@Suite struct `Locators with paths` {
    private func readings(_ text: String) throws -> [String] {
        try LocatorPath.readings(of: text).map { "\($0.locator) \($0.path?.text ?? "-")\($0.isFolder ? " /" : "")" }
    }

    @Test func `a locator with a path behind it is read in each way that there is`() throws {
        let cases: [(String, [String])] = [
            ("prompt", ["prompt -"]),
            ("acme/tools", ["acme/tools -", "acme tools"]),
            ("acme/tools:1.2.0/src/a.py", ["acme/tools:1.2.0 src/a.py"]),
            ("acme/tools:1.2.0/", ["acme/tools:1.2.0 - /"]),
            ("acme/tools/src/", ["acme/tools/src - /", "acme/tools src /", "acme tools/src /"]),
            ("tools/a:b", ["tools/a:b -"]),
            ("tools/x/@types", ["tools/x @types", "tools x/@types"]),
            ("hub.example/tools:1/a.py", ["hub.example/tools:1 a.py"]),
            ("tools@sha256:ab12/a/b", ["tools@sha256:ab12 a/b"]),
            ("tools:1.0/a b$.txt", ["tools:1.0 a b$.txt"]),
            ("localhost:3000/acme/tools", ["localhost:3000/acme/tools -", "localhost:3000/acme tools", "localhost:3000 acme/tools"]),
        ]
        for (text, expected) in cases { #expect(try readings(text) == expected, "\(text)") }
        for text in ["", "/", "/tools", "tools/../other", "tools//a", "tools:1/../../etc/passwd", "@x/y", "tools:/a"] {
            #expect(throws: (any Error).self, "\(text)") { try LocatorPath.readings(of: text) }
        }
    }
}
