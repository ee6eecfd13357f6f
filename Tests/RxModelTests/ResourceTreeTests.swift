import RxModel
import RxTesting
import Testing

@Suite struct `A tree of files` {
    /// Lines `path` or `path -> target`.
    func tree(_ lines: String...) throws -> ResourceTree {
        let files = try lines.map { line in
            let target = line.firstRange(of: " -> ").map { String(line[$0.upperBound...]) }
            let path = line.firstRange(of: " -> ").map { String(line[..<$0.lowerBound]) } ?? line
            return try file(path, target ?? path, symlink: target)
        }
        let definition = try definition("t")
        return ResourceTree(ResourceManifest(unchecked: definition, files: files, tree: files[0].digest))
    }

    func found(_ path: String, in tree: ResourceTree) throws -> String {
        switch tree.find(path.isEmpty ? nil : try FilePath(parsing: path)) {
        case .file(let file): file.path.text
        case .folder(let path): (path?.text ?? "") + "/"
        case nil: "nothing"
        }
    }

    @Test func `leads to files and folders, through symlinks inside it`() throws {
        let tree = try tree(
            "a", "dir/b", "dir/sub/c", "dir/up -> ../a", "link -> dir", "twice -> link/sub", "self -> .", "deep/x/y -> ../../dir/./sub//c",
            "dir-b", "dir.b", "dir0")
        for (path, place) in [
            ("", "/"), ("a", "a"), ("dir", "dir/"), ("dir/b", "dir/b"), ("dir/up", "a"), ("link", "dir/"), ("link/b", "dir/b"),
            ("twice/c", "dir/sub/c"), ("self/self/dir/b", "dir/b"), ("self", "/"), ("deep/x/y", "dir/sub/c"), ("dir/", "nothing"),
            ("a/b", "nothing"), ("no", "nothing"), ("dir/no", "nothing"), ("di", "nothing"), ("dir-b", "dir-b"), ("dir0", "dir0"),
        ] where !path.hasSuffix("/") { #expect(try found(path, in: tree) == place, "\(path)") }
    }

    @Test func `never leads out, round or to nowhere`() throws {
        // Manifests with such symlinks are refused; the tree holds for itself all the same.
        let tree = try tree(
            "a -> a", "b -> c", "c -> b", "out -> ../x", "root -> /etc/passwd", "lost -> nothing", "in/out -> ../../etc", "f",
            "through -> f/../f",
            "from/here -> ../out/x", "x")
        for path in ["a", "a/b", "b", "out", "root", "lost", "in/out", "in/out/passwd", "through", "from/here"] {
            #expect(try found(path, in: tree) == "nothing", "\(path)")
        }
        let long = try (0..<60).map { try file("l\($0)", "", symlink: "l\($0 + 1)") } + [file("l60", "end")]
        let chain = ResourceTree(ResourceManifest(unchecked: try definition("t"), files: long, tree: long[0].digest))
        #expect(try found("l30", in: chain) == "l60" && found("l0", in: chain) == "nothing")
    }

    @Test func `lists each name once, in their order, page by page`() throws {
        let tree = try tree("a", "dir/b", "dir/sub/c", "dir/sub/d", "dir/sub-x", "dir/sub.x", "dir/sub0", "link -> dir", "z/é", "z/e")
        func names(_ folder: String?, after last: String? = nil, limit: Int = 100) throws -> [String] {
            let (entries, isMore) = tree.entries(in: try folder.map(FilePath.init(parsing:)), after: last, limit: limit)
            #expect(isMore == (entries.count == limit && limit < 6), "\(entries)")
            return entries.map(\.name)
        }
        #expect(try names(nil) == ["a", "dir/", "link", "z/"])
        let all = ["b", "sub-x", "sub.x", "sub/", "sub0"]
        #expect(try names("dir") == all)
        #expect(try names("z") == ["e", "é"])
        for index in all.indices { #expect(try names("dir", after: all[index]) == Array(all[(index + 1)...])) }
        #expect(try names("dir", after: "sub.y") == ["sub/", "sub0"] && names("dir", after: "zzz").isEmpty)
        #expect(try names("dir", limit: 2) == ["b", "sub-x"] && names("dir", after: "sub-x", limit: 2) == ["sub.x", "sub/"])
        #expect(try names("nowhere").isEmpty)
    }
}
