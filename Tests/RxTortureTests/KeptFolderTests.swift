import RxModel
import RxTorture
import Testing

/// What a round says of folders that were written and stay. Source: Specs/14-torture, TOR-023.
@Suite struct `A folder that stays` {
    private let contents = Dictionary(uniqueKeysWithValues: (1...2).map { ($0, Content(version: $0, seed: 7)) })

    private func problem(version: Int?, isLinked: Bool = false, damages: [DamagedBlob] = [], _ found: [String: Digest]) -> String? {
        KeptFolder(store: 1, version: version, isLinked: isLinked).problem(found, contents, damages)
    }

    @Test func `holds the version that was reported, every file of it and no other`() throws {
        let listing = try #require(contents[1]).listing
        #expect(problem(version: 1, listing) == nil)
        for path in listing.keys {
            var found = listing
            found[path] = nil
            #expect(problem(version: 1, found) == "version 1 was reported as written, and is not whole: \(path)")
        }
        #expect(problem(version: 1, listing.merging(["stray": try #require(listing["content"])]) { $1 })?.hasSuffix(": stray") == true)
        #expect(problem(version: 1, try #require(contents[2]).listing)?.contains("content") == true)
        #expect(problem(version: 1, [:]) != nil, "it is gone")
    }

    @Test func `may hold anything once a command that wrote to it was not reported as done`() throws {
        #expect(problem(version: nil, [:]) == nil)
    }

    @Test func `may share the damage of a blob that it is linked to, and of no other store's`() throws {
        let content = try #require(contents[1])
        let digest = try #require(content.listing["content"])
        let found = content.listing.merging(["content": try #require(contents[2]?.listing["content"])]) { $1 }
        let own = DamagedBlob(store: 1, digest: digest, start: 0)
        let other = DamagedBlob(store: 2, digest: digest, start: 0)
        #expect(problem(version: 1, isLinked: true, damages: [own], found) == nil)
        #expect(problem(version: 1, isLinked: true, damages: [other], found) != nil)
        #expect(problem(version: 1, damages: [own], found) != nil)
    }

    @Test func `is written to, with and without links, before long`() {
        var texts: Set<String> = []
        for seed in 0..<60 as Range<UInt64> {
            for case .step(_, _, let action, _, _) in Schedule(seed: seed).elements {
                switch action {
                case .pull(_, _, _, let target): texts.insert("pull \(target)")
                case .export(_, _, let target): texts.insert("export \(target)")
                default: continue
                }
            }
        }
        // Two commands; a new folder or one of two that stay; links or none.
        #expect(texts.count == 12)
    }
}
