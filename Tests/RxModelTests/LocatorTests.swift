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
