import Foundation
import RxCrypto
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
    @Test(arguments: [true, false]) func `whose bytes the catalog has damaged keeps nobody from the store, nor others from their files`(
        isThere: Bool
    ) throws {
        do {
            let store = try DiskStore(at: folder.path)
            try upload(bytes, in: store)
            try upload([1], in: store)
            try store.catalog.write { database, _ in
                try database.run("UPDATE fresh SET bytes = x'00' WHERE digest = ?", .digest(digest))
            }
            for lost in [sha256([1])] + (isThere ? [] : [digest]) { try Files.remove(store.layout.blob(lost)) }
        }
        let store = try DiskStore(at: folder.path)
        #expect(try content(sha256([1]), in: store) == [1])
        try store.fresh.drain()
        _ = try store.collect(CollectionOptions())
        #expect(try rows(store).map(\.digest) == [digest], "a check tells of it")
        let report = try store.verify(VerifyOptions(repairs: true), with: NoHelp())
        #expect(report.findings.filter { $0.kind == .fresh }.map(\.isRepaired) == [isThere])
        #expect(try rows(store).isEmpty == isThere)
    }
}
