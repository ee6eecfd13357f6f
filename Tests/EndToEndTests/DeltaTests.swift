import Foundation
import RxModel
import RxTesting
import Testing

/// Large files move by what differs. Source: Specs/13-chunks.
@Suite(.serialized) struct `A new version of a large file` {
    static let size = 64 << 20
    /// What one inserted byte may cost in all.
    static let few = 256 << 10

    let work: TemporaryFolder
    let place: ProxiedRegistry
    var registry: RegistryProcess { place.registry }
    var proxy: CountingProxy { place.proxy }
    let alice: User
    let bob: User

    init() throws {
        work = try TemporaryFolder()
        place = try ProxiedRegistry()
        alice = try User(["RX_REGISTRY": place.proxy.url])
        bob = try User(["RX_REGISTRY": place.proxy.url])
    }

    /// Random content that is the same in every test.
    static let content: Data = {
        var generator = Numbers(state: 42)
        var words = [UInt64](repeating: 0, count: size / 8)
        for index in words.indices { words[index] = generator.next() }
        return words.withUnsafeBytes { Data($0) }
    }()

    /// Adds a version as alice.
    private func add(_ content: Data, tag: String, file: String = "data.bin") throws {
        try work.write("data/resource.json", #"{"name":"data","path":"team","type":"folder","tag":"\#(tag)"}"#)
        try work.write("data/\(file)", content)
        try alice.rx("add", "\(work.path)/data")
    }

    private func pushed(_ tag: String) throws -> Int {
        proxy.reset()
        try alice.rx("push", "team/data:\(tag)")
        return proxy.total
    }

    private func pulled(_ tag: String, file: String = "data.bin") throws -> (bytes: Int, content: Data) {
        proxy.reset()
        try bob.rx("pull", "team/data:\(tag)")
        let bytes = proxy.total
        let out = "\(work.path)/out-\(tag)"
        try bob.rx("export", "\(proxy.url.dropFirst("http://".count))/team/data:\(tag)", out)
        return (bytes, try Data(contentsOf: URL(fileURLWithPath: "\(out)/\(file)")))
    }

    /// The content with one byte more in the middle.
    static func inserted(_ content: Data) -> Data {
        var content = content
        content.insert(7, at: content.count / 2)
        return content
    }

    @Test func `costs a few bytes to push and to pull when one byte is inserted`() throws {
        try add(Self.content, tag: "1")
        #expect(try pushed("1") > Self.size, "the first version is sent whole")
        #expect(try pulled("1").content == Self.content)
        let second = Self.inserted(Self.content)
        try add(second, tag: "2")
        let sent = try pushed("2")
        #expect(sent < Self.few, "\(sent)")
        let (received, content) = try pulled("2")
        #expect(content == second)
        #expect(received < Self.few, "\(received)")
    }

    @Test func `moves when indexes are damaged or gone, and when a lie is in them`() throws {
        try add(Self.content, tag: "1")
        _ = try pushed("1")
        _ = try pulled("1")
        try add(Self.inserted(Self.content), tag: "2")
        _ = try pushed("2")
        let (_, second) = try pulled("2")
        // Lengths that add up and ids that are right somewhere else: only the digest of the whole can tell.
        for folder in [registry.data, alice.home, bob.home] {
            for path in try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/cache/chunks") {
                let url = URL(fileURLWithPath: "\(folder.path)/cache/chunks/\(path)")
                var records = [UInt8](try Data(contentsOf: url))
                let count = records.count / 9
                for index in stride(from: 10, to: count - 10, by: 2) {
                    for byte in 3..<9 { records.swapAt(9 * index + byte, 9 * (index + 1) + byte) }
                }
                try Data(records).write(to: url)
            }
        }
        let third = Self.inserted(second)
        try add(third, tag: "3")
        _ = try pushed("3")
        #expect(try pulled("3").content == third)

        for folder in [registry.data, alice.home, bob.home] {
            let chunks = URL(fileURLWithPath: "\(folder.path)/cache/chunks")
            for path in try FileManager.default.contentsOfDirectory(atPath: chunks.path) {
                try Data("garbage".utf8).write(to: chunks.appendingPathComponent(path))
            }
        }
        let fourth = Self.inserted(third)
        try add(fourth, tag: "4")
        #expect(try pushed("4") < Self.few, "what cannot be an index is made again")
        for folder in [registry.data, alice.home, bob.home] { try FileManager.default.removeItem(atPath: "\(folder.path)/cache/chunks") }
        let (bytes, content) = try pulled("4")
        #expect(bytes < Self.few && content == fourth)
    }

    @Test func `is sent whole when it is compressed, short, or has little in common`() throws {
        let large = Self.content.prefix(12 << 20)
        try add(large, tag: "1", file: "data.zip")
        _ = try pushed("1")
        try add(Self.inserted(large), tag: "2", file: "data.zip")
        #expect(try pushed("2") > large.count)
        let other = Data(Self.content.suffix(12 << 20))
        try FileManager.default.removeItem(atPath: "\(work.path)/data")
        try add(large, tag: "3", file: "data.bin")
        _ = try pushed("3")
        try add(other, tag: "4", file: "data.bin")
        #expect(try pushed("4") > other.count)
        #expect(try pulled("4").content == other)
        #expect(!FileManager.default.fileExists(atPath: "\(bob.home.path)/cache/chunks"), "bob had nothing to look in")
    }

    @Test func `comes from the file itself when it was moved within`() throws {
        try add(Self.content, tag: "1")
        _ = try pushed("1")
        _ = try pulled("1")
        let half = Self.content.count / 2
        let turned = Data(Self.content[half...] + Self.content[..<half])
        try add(turned, tag: "2")
        #expect(try pushed("2") < 4 * Self.few)
        let (bytes, content) = try pulled("2")
        #expect(bytes < 4 * Self.few && content == turned)
    }
}

/// Random numbers that are the same every time.
private struct Numbers {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
