import Foundation
import RxModel
import RxPosix
import RxTesting
import Testing

@testable import RxStore

/// Small uploads whose files are set aside while the catalog holds their bytes.
extension `A small upload` {
    @Test(arguments: [false, true]) func `that is found damaged before its file is known to be durable keeps its bytes for a collection`(
        _ isWrong: Bool
    ) throws {
        let store = try DiskStore(at: folder.path)
        try upload(bytes, in: store)
        let first = try rows(store)
        if isWrong { try store.catalog.write { database, _ in try database.run("UPDATE fresh SET bytes = x'00'") } }
        let path = store.layout.blob(digest)
        try Files.remove(path)
        try Data("abXd".utf8).write(to: URL(fileURLWithPath: path))
        #expect(throws: ContentError.self) { try content(digest, in: store) }
        try store.fresh.drain()
        #expect(try rows(store).map(\.id) == (isWrong ? [] : [first[0].id + 1]), "wrong bytes heal nothing")
        _ = try store.collect(dryRun: false, leaseTime: nil)
        #expect(try rows(store).isEmpty)
        if isWrong {
            #expect(throws: RegistryError.self) { try content(digest, in: store) }
        } else {
            #expect(try content(digest, in: store) == bytes)
        }
    }
}
