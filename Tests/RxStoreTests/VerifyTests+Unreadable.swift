import Foundation
import RxCrypto
import RxModel
import RxPosix
import RxTesting
import Testing

@testable import RxStore

extension `A check of the store` {
    @Test(arguments: [("open", EACCES), ("open", EPERM), ("lstat", EACCES), ("pread", ENODATA)])
    func `tells of a blob that it may not read, and goes on`(_ call: String, _ errno: Int32) throws {
        defer { Fault.clear(under: path("hello")) }
        try damage("others", with: "ithers")
        Fault.inject(call, errno, under: path("hello"), times: .max)
        let report = try verify()
        #expect(Set(kinds(report)) == [.blobUnreadable, .blobBytes] && report.found == 2, "\(report.findings)")
        let finding = try #require(report.findings.first { $0.kind == .blobUnreadable })
        #expect(finding.digest == sha256(Array("hello".utf8)) && finding.resources == ["a"])
        #expect(finding.message.contains("cannot be read: \(call) "))
        // What is repaired cannot be read either, and is once it can.
        let repair = try verify(repairs: true)
        #expect(repair.found == 2 && repair.repaired == 0, "\(repair.findings)")
        Fault.clear(under: path("hello"))
        try put(["content": "hello", "more": "others"], try definition("b"), in: store)
        #expect(try verify().isClean)
    }

    @Test func `goes on where a wrong file cannot be moved away`() throws {
        defer { Fault.clear(under: store.layout.damaged) }
        try damage("hello", with: "jello")
        try damage("others", with: "ithers")
        Fault.inject("rename", EACCES, under: store.layout.damaged, times: .max)
        let report = try verify(repairs: true)
        #expect(kinds(report) == [.blobBytes, .blobBytes] && report.repaired == 0)
        #expect(try Files.names(in: store.layout.damaged).isEmpty)
    }

    @Test func `says nothing of a healed file that has the number of the damaged one`() throws {
        try damage("hello", with: "jello")
        let blob = StagedBlob(digest: sha256(Array("hello".utf8)), size: 5)
        let number = try #require(try Files.status(path("hello"))).st_ino
        let suspect = try #require(try store.look(at: blob, hashing: true))
        #expect(try store.catalog.exclusively { try store.isConfirmed(suspect, $0) })
        // A file system gives the number of a file that is gone to one of the next.
        func isHealed() throws -> Bool { try Files.read(path("hello")) == Array("hello".utf8) }
        for _ in 0..<64 where try Files.status(path("hello"))?.st_ino != number || !isHealed() {
            let aside = "\(folder.path)/aside"
            try Files.replace(aside, with: Array("hello".utf8), durably: false)
            try Files.rename(aside, to: path("hello"))
        }
        #expect(try isHealed())
        #expect(try !store.catalog.exclusively { try store.isConfirmed(suspect, $0) })
    }
}
