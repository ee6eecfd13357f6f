import Foundation
import RxLoader
import RxModel
import RxPosix
import RxTesting
import Testing

/// What both kinds of store of values must do.
private func valueContract(_ store: any Resource) async {
    #expect(await store.get(Headers("/")).body.json == [])
    #expect(await store.get(Headers("/a")).condition == .notFound)
    #expect(await store.put(Headers("/a"), .empty).condition == .notFound, "there is nothing to remove")
    #expect(await store.put(Headers("/a"), .json(["x", 1])).isGood)
    #expect(await store.put(Headers("/b/c//d/"), .text("tëxt")).isGood)
    #expect(await store.get(Headers("/a")).body.json == ["x", 1])
    #expect(await store.get(Headers("//b/c/d")).body.json == "tëxt")
    #expect(await store.put(Headers("/a"), .json(2)).isGood)
    #expect(await store.get(Headers("/a")).body.json == 2)
    for key in ["/A", "/..", "/.", "/.hidden", "/a%20b", "/ü", "/%2541", "/con.json", "/a%00b"] {
        #expect(await store.put(Headers(key), .json(.string(key))).isGood, "\(key)")
    }
    #expect(await store.get(Headers("/a")).body.json == 2, "A is another key than a")
    for key in ["/A", "/..", "/.", "/.hidden", "/a%20b", "/ü", "/%2541", "/con.json", "/a%00b"] {
        #expect(await store.get(Headers(key)).body.json == .string(key))
    }
    let keys = await store.get(Headers()).body.json
    let wanted: JSON = [".", "..", ".hidden", "%41", "A", "a", "a\0b", "a b", "b/c/d", "con.json", "ü"]
    #expect(keys == wanted.sorted)
    #expect(await store.put(Headers("/"), .json(1)).condition == .invalid)
    #expect(await store.put(Headers("/bytes"), .bytes([1])).condition == .invalid)
    let longest = String(repeating: "k", count: 217)
    #expect(await store.put(Headers("/\(longest)"), .json(1)).isGood)
    let refused = await store.put(Headers("/\(longest)k"), .json(1))
    #expect(refused.condition == .invalid)
    #expect(refused.message?.contains("its file's name would have more than 222 bytes") == true)
    #expect(await store.put(Headers("/a"), .json(.null)).isGood)
    #expect(await store.get(Headers("/a")).condition == .notFound)
}

extension JSON {
    /// The strings of an array, sorted by their bytes.
    fileprivate var sorted: JSON {
        .array(array!.compactMap(\.string).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { .string($0) })
    }
}

@Suite struct ValueTests {
    @Test func `values in memory keep the contract`() async { await valueContract(MemoryValues()) }

    @Test func `values in files keep the contract`() async throws {
        let folder = try TemporaryFolder()
        await valueContract(FileValues(folder: folder.path + "/new/values"))
        let outside = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(outside == ["new"], "no key leaves the folder")
    }

    @Test func `values in files are there in the next process, and no half of one`() async throws {
        let folder = try TemporaryFolder()
        _ = await FileValues(folder: folder.path).put(Headers("/a"), .json(["kept"]))
        try folder.write("strange.txt", "no value")
        let again = FileValues(folder: folder.path)
        #expect(await again.get(Headers("/a")).body.json == ["kept"])
        #expect(await again.get(Headers("/")).body.json == ["a"])
        try #require(Fault.available)
        for call in ["write", "fsync", "rename"] {
            Fault.inject(call, ENOSPC, under: folder.path)
            let reply = await again.put(Headers("/a"), .json(["new"]))
            Fault.clear(under: folder.path)
            #expect(reply.condition == .error, "\(call)")
            #expect(reply.message?.contains("No space left on device") == true, "\(call)")
            #expect(await again.get(Headers("/a")).body.json == ["kept"], "\(call)")
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(names == ["a.json", "strange.txt"], "what failed leaves nothing behind")
    }

    @Test func `a value that was damaged is an error and not another value`() async throws {
        let folder = try TemporaryFolder()
        try folder.write("a.json", "{\"half\":")
        #expect(await FileValues(folder: folder.path).get(Headers("/a")).condition == .error)
    }
}
