import RxModel
import RxTesting
import Testing

@Suite struct `A lock` {
    @Test(arguments: try vectors("lock")) func `is what the vectors say`(_ vector: JSON) throws {
        let bytes = vector["text"]?.string.map { Array($0.utf8) } ?? vector["lock"]!.canonical
        if let message = vector["error"]?.string {
            #expect { try Lock(parsing: bytes) } throws: { ($0 as? LockError)?.message == message }
            return
        }
        let lock = try Lock(parsing: bytes)
        if let text = vector["canonical"]?.string { #expect(lock.text == text) }
        if vector["canonical"]?.bool == true { #expect(Array(lock.text.utf8) == bytes) }
        #expect(try Lock(parsing: Array(lock.text.utf8)) == lock)
        for (module, locator) in vector["provides"]?.object ?? [:] {
            let entry = lock.entry(providing: try ModuleName(parsing: module))
            #expect(entry.map { "\($0.locator)" } == locator.string, "\(module)")
        }
        for (text, locator) in vector["means"]?.object ?? [:] {
            #expect(lock.entry(of: try Locator(parsing: text)).map { "\($0.locator)" } == locator.string, "\(text)")
        }
        guard let merge = vector["merge"]?.array else { return }
        let others = try Lock(parsing: JSON.object(["version": 1, "resources": .array(merge)]).canonical).entries
        if let message = vector["mergeError"]?.string {
            #expect { try lock.merging(others) } throws: { ($0 as? LockError)?.message == message }
            return
        }
        #expect(try lock.merging(others).entries.map { "\($0.locator)" } == vector["locators"]?.array?.compactMap(\.string))
    }

    @Test func `has no host and no digest whatever its entries are made of`() throws {
        let zero = Digest(hex: String(repeating: "0", count: 64))!
        let locator = try Locator(parsing: "user.example.com:5000/acme/tools:1@\(zero)")
        let lock = try Lock([Lock.Entry(locator: locator, manifest: zero, tree: zero)])
        #expect(!lock.text.contains("example"))
        #expect(lock.entries[0].locator == (try Locator(parsing: "acme/tools:1")))
        #expect(try Lock(parsing: Array(lock.text.utf8)) == lock)
    }

    @Test func `that is cut short or changed in one byte is another one or none`() throws {
        let lock = try Lock([
            Lock.Entry(
                locator: Locator(parsing: "acme/tools:1"), manifest: Digest(hex: String(repeating: "a", count: 64))!,
                tree: Digest(hex: String(repeating: "b", count: 64))!, provides: Provides(.object(["python": ["x"]])))
        ])
        let bytes = Array(lock.text.utf8)
        for length in 0..<bytes.count - 1 { #expect(throws: LockError.self) { try Lock(parsing: Array(bytes[..<length])) } }
        for place in bytes.indices {
            var other = bytes
            other[place] ^= 1
            let read = try? Lock(parsing: other)
            // What stands between values means nothing.
            #expect(read != lock || [0x20, 0x0A].contains(bytes[place]), "byte \(place)")
        }
    }

    @Test func `may have very many entries, and not more than that`() throws {
        let zero = Digest(hex: String(repeating: "0", count: 64))!
        let entries = try (0...Lock.entryLimit).map { Lock.Entry(locator: try Locator(parsing: "a\($0):1"), manifest: zero, tree: zero) }
        #expect(try Lock(Array(entries.dropLast())).entries.count == Lock.entryLimit)
        #expect(throws: LockError.self) { try Lock(entries) }
    }
}
