import RxCrypto
import RxModel
import RxTesting
import Testing

@testable import RxClient

@Suite struct `The plan for a folder` {
    static let stamp = FolderStamp(size: 3, modifiedAt: 1, changedAt: 1, inode: 7)
    static let other = FolderStamp(size: 3, modifiedAt: 2, changedAt: 2, inode: 8)

    /// What is decided, as text: `make a, replace b, ...`.
    func decide(
        wanted: [ResourceFile], wrote: [FolderRecord.Entry]?, present: [String: PresentEntry], contents: [String: EntryContent] = [:],
        foreign: [String] = [], link: Bool = false, force: Bool = false
    ) throws -> String {
        func paths<Value>(_ values: [String: Value]) throws -> [FilePath: Value] {
            Dictionary(uniqueKeysWithValues: try values.map { (try FilePath(parsing: $0.key), $0.value) })
        }
        let record = wrote.map { FolderRecord(manifest: nil, definition: nil, writtenAt: 1_000_000_000, entries: $0) }
        let plan = FolderPlan(
            wanted: wanted, record: record, present: try paths(present), contents: try paths(contents),
            foreign: Set(try foreign.map { try FilePath(parsing: $0) }), options: FolderOptions(link: link, force: force))
        let steps: [(String, [FilePath])] = [
            ("make", plan.make.map(\.path)), ("replace", plan.replace.map(\.path)), ("overwrite", plan.overwrite.map(\.path)),
            ("keep", plan.keep.map(\.file.path)), ("remove", plan.remove), ("vacate", plan.vacated), ("folders", plan.folders),
        ]
        var words = steps.filter { !$0.1.isEmpty }.map { "\($0.0) \($0.1.map(\.text).joined(separator: " "))" }
        if !plan.conflicts.isEmpty { words.append("refuse \(plan.conflicts.map { "\($0.path):\($0.obstacle)" }.joined(separator: " "))") }
        return words.joined(separator: ", ")
    }

    func wrote(_ path: String, _ content: String, linked: Bool = false, stamped: Bool = true) throws -> FolderRecord.Entry {
        let file = try file(path, content)
        return FolderRecord.Entry(path: file.path, content: file.content, isLinked: linked, stamp: stamped ? Self.stamp : nil)
    }

    func content(_ text: String, _ kind: EntryContent.Kind = .file) -> EntryContent {
        EntryContent(kind: kind, digest: sha256(Array(text.utf8)))
    }

    let asWritten = PresentEntry.entry(.file, stamp, isLinked: false)
    let changed = PresentEntry.entry(.file, other, isLinked: false)

    @Test func `keeps what is right, makes what is missing and replaces what rx wrote`() throws {
        let wanted = [try file("a/x", "one"), try file("b", "two"), try file("c/d/e", "new")]
        #expect(
            try decide(
                wanted: wanted, wrote: [try wrote("a/x", "one"), try wrote("b", "old"), try wrote("g/h", "gone"), try wrote("a/y", "g")],
                present: ["a/x": asWritten, "b": asWritten, "g/h": asWritten, "a/y": asWritten])
                == "make c/d/e, replace b, keep a/x, remove a/y g/h, vacate g, folders c c/d")
        #expect(try decide(wanted: wanted, wrote: [try wrote("b", "two")], present: ["a/x": .absent]).hasPrefix("make a/x b c/d/e"))
    }

    @Test func `refuses to touch what others changed, unless it is forced`() throws {
        let wanted = [try file("a", "one")]
        let old = [try wrote("a", "old"), try wrote("b", "old")]
        let present = ["a": changed, "b": changed]
        #expect(try decide(wanted: wanted, wrote: old, present: present) == "refuse a:changed b:changed")
        #expect(try decide(wanted: wanted, wrote: old, present: present, contents: ["a": content("own")]) == "refuse a:changed b:changed")
        #expect(
            try decide(wanted: wanted, wrote: old, present: present, force: true) == "overwrite a",
            "what the resource has not is left to those who changed it")
        #expect(
            try decide(wanted: wanted, wrote: old, present: present, contents: ["a": content("one"), "b": content("old")])
                == "keep a, remove b", "what was only looked at or touched is as it was")
        #expect(try decide(wanted: wanted, wrote: old, present: ["a": changed], contents: ["a": content("old")]) == "replace a")
        #expect(
            try decide(wanted: wanted, wrote: old, present: ["a": changed], contents: ["a": content("one", .executable)])
                == "refuse a:changed", "the mode is a part of it")
    }

    @Test func `compares by content where nothing is known`() throws {
        let wanted = [try file("a", "one"), try file("b", "two")]
        let right = try decide(wanted: wanted, wrote: nil, present: ["a": changed, "b": .absent], contents: ["a": content("one")])
        #expect(right == "make b, keep a")
        #expect(
            try decide(wanted: wanted, wrote: nil, present: ["a": changed], contents: ["a": content("1")]) == "make b, refuse a:changed")
        func unclear(_ record: FolderRecord?, _ present: [FilePath: PresentEntry]) -> [String] {
            FolderPlan.unclear(wanted: wanted, record: record, present: present).map(\.text)
        }
        let a = wanted[0].path
        #expect(unclear(nil, [a: changed]) == ["a"])
        let long = FolderStamp(size: 4, modifiedAt: 1, changedAt: 1, inode: 7)
        #expect(unclear(nil, [a: .entry(.file, long, isLinked: false)]).isEmpty, "another length is another content")
        let record = FolderRecord(manifest: nil, definition: nil, writtenAt: 1_000_000_000, entries: [try wrote("a", "one")])
        #expect(unclear(record, [a: asWritten]).isEmpty)
        #expect(unclear(record, [a: changed]) == ["a"])
        let young = FolderRecord(manifest: nil, definition: nil, writtenAt: 2, entries: [try wrote("a", "one")])
        #expect(unclear(young, [a: asWritten]) == ["a"], "it could have changed within the clock's tick")
        let begun = FolderRecord(manifest: nil, definition: nil, writtenAt: 0, entries: [try wrote("a", "one", stamped: false)])
        #expect(unclear(begun, [a: .entry(.file, long, isLinked: false)]) == ["a"])
    }

    @Test func `knows the old and the new content of an update that was killed`() throws {
        let begun = [try wrote("a", "old"), try wrote("a", "new", stamped: false)]
        let third = [try file("a", "3rd")]
        #expect(try decide(wanted: third, wrote: begun, present: ["a": asWritten]) == "replace a")
        #expect(try decide(wanted: third, wrote: begun, present: ["a": changed], contents: ["a": content("new")]) == "replace a")
        #expect(try decide(wanted: third, wrote: begun, present: ["a": changed], contents: ["a": content("own")]) == "refuse a:changed")
    }

    @Test func `never writes behind what is no folder, and never takes a folder from others`() throws {
        let wanted = [try file("a/b", "one"), try file("c", "two")]
        let above = try FilePath(parsing: "a")
        for force in [false, true] {
            #expect(
                try decide(wanted: wanted, wrote: [], present: ["a/b": .blocked(by: above)], force: force) == "make c, refuse a/b:behind(a)"
            )
            #expect(
                try decide(wanted: wanted, wrote: [], present: ["c": .folder], foreign: ["c"], force: force).hasSuffix("refuse c:folder"))
            #expect(try decide(wanted: wanted, wrote: [], present: ["c": .other], force: force).hasSuffix("refuse c:special"))
        }
        #expect(
            try decide(wanted: wanted, wrote: [try wrote("a", "old")], present: ["a": asWritten, "a/b": .blocked(by: above)])
                == "make a/b c, remove a, folders a", "what rx wrote goes before")
        #expect(
            try decide(wanted: wanted, wrote: [try wrote("c/d", "old")], present: ["c": .folder, "c/d": asWritten])
                == "make a/b c, remove c/d, vacate c, folders a")
    }

    @Test func `leaves links alone, and makes them files of their own for who wants those`() throws {
        let wanted = [try file("a", "one")]
        let linked = PresentEntry.entry(.file, FolderStamp(size: 3, modifiedAt: 1, changedAt: 99, inode: 7), isLinked: true)
        let record = [try wrote("a", "one", linked: true)]
        #expect(try decide(wanted: wanted, wrote: record, present: ["a": linked], link: true) == "keep a")
        #expect(try decide(wanted: wanted, wrote: record, present: ["a": linked]) == "replace a")
        #expect(try decide(wanted: wanted, wrote: [try wrote("a", "one")], present: ["a": asWritten], link: true) == "keep a")
    }

    @Test func `names what is in the way, ten at most`() throws {
        let files = try (10..<22).map { try file("f\($0)", "x") }
        let present = Dictionary(uniqueKeysWithValues: files.map { ($0.path, PresentEntry.other) })
        let plan = FolderPlan(wanted: files, record: nil, present: present, contents: [:], foreign: [], options: FolderOptions())
        let error = #expect(throws: ContentError.self) { try plan.check("out") }
        #expect(error?.message.hasPrefix("out has something else where files of the resource belong: \"f10\" is no file, ") == true)
        #expect(error?.message.hasSuffix("\"f19\" is no file and 2 more") == true)
    }

    @Test func `has a record that is read back, and is none when a byte of it is another one`() throws {
        let record = FolderRecord(
            manifest: sha256([1]), definition: nil, writtenAt: 5,
            entries: [try wrote("a/é", "one"), try wrote("b", "two", linked: true), try wrote("c", "3", stamped: false)])
        let bytes = record.encoded(for: "/some/where")
        #expect(FolderRecord(bytes, for: "/some/where") == record)
        #expect(FolderRecord(bytes, for: "/else/where") == nil)
        for index in bytes.indices {
            var mangled = bytes
            mangled[index] ^= 1
            #expect(FolderRecord(mangled, for: "/some/where") == nil, "byte \(index)")
            #expect(FolderRecord(Array(bytes[..<index]), for: "/some/where") == nil, "cut at \(index)")
        }
    }
}
