import RxLoader
import RxModel
import RxTesting
import Synchronization
import Testing

@Suite struct BindingTests {
    @Test func `resources are bound by their types`() async throws {
        let shelf = Shelf()
        try shelf.offer("t", ["content": "text"])
        try shelf.offer("j", type: "config", ["content": #"{"a":[1]}"#])
        try shelf.offer("b", type: "binary", ["content": "\u{0}\u{1}"])
        try shelf.offer("s", type: "skill", ["SKILL.md": "# S", "references/a b.md": "ref"])
        try shelf.offer("p", type: "prototype", ["prototype.json": #"[{"op":"say","args":"@a.txt"}]"#, "a.txt": "hi"])
        let loader = Loader(shelf)
        for _ in 0..<2 {
            #expect(await loader.get(Headers("/t")).body.text == "text")
            #expect(await loader.get(Headers("/j")).body.json?.text == #"{"a":[1]}"#)
            #expect(try await loader.get(Headers("/b")).bytes() == [0, 1])
            #expect(await loader.get(Headers("/s")).body.text == "# S")
            #expect(await loader.get(Headers("/s/a%20b.md")).body.text == "ref")
            #expect(await loader.get(Headers("/p")).body.json?.text == #"{"id":"p","instructions":[{"args":"hi","op":"say"}]}"#)
        }
        let missing = await loader.get(Headers("/s/none.md"))
        #expect(missing.condition == .notFound)
        #expect(missing.message == "Reference not found: none.md. Available: a b.md")
        #expect(await loader.put(Headers("/t"), .text("new")).condition == .readOnly)
        let types = Dictionary(uniqueKeysWithValues: loader.bindings.map { ($0.route, $0.type) })
        #expect(types == ["t": "text", "j": "config", "b": "binary", "s": "skill", "p": "prototype"])
    }

    @Test func `an unknown type is refused, and an own one is bound`() async throws {
        struct Counter: BindingType {
            let name = "counter"
            let aliases = ["tally"]
            func render(_ content: any ResourceContent, argument: String?) throws -> Rendering { .text("rendered") }
            func bind(_ content: ManifestContent, disk: BlockingWork) throws -> any Resource {
                let cell = Cell(Max(Int(try content.text(FilePath(parsing: "content"))) ?? 0))
                return CellResource(cell)
            }
        }
        let shelf = Shelf()
        try shelf.offer("count", type: "tally", ["content": "5"])
        let plain = await Loader(shelf).get(Headers("/count"))
        #expect(plain.condition == .invalid)
        #expect(plain.message == "Unsupported resource type: tally")
        #expect(plain.others["code"] == "UNSUPPORTED_TYPE")
        let loader = Loader(shelf) { settings in try! settings.types.register(Counter()) }
        #expect(await loader.get(Headers("/count")).body.json == 5)
        #expect(await loader.put(Headers("/count"), .json(9)).body.json == 9)
        #expect(await loader.get(Headers("/count")).body.json == 9)
    }

    @Test func `a module is served file by file`() async throws {
        let shelf = Shelf()
        try shelf.offer(
            "lib:1", type: "module",
            [
                "package.json": "{}", "src/index.js": "export {}", "src/deep/a.js": "a", "src-x": "x", "main.js": "->src/index.js",
                "my file.txt": "spaced",
            ])
        let loader = Loader(shelf)
        #expect(
            await loader.get(Headers("/lib:1")).body.json?.text
                == #"["main.js","my file.txt","package.json","src-x","src/"]"#)
        #expect(await loader.get(Headers("/lib:1/src/")).body.json?.text == #"["deep/","index.js"]"#)
        let file = await loader.get(Headers("/lib:1/src/deep/a.js"))
        #expect(try file.bytes() == Array("a".utf8))
        #expect(file.type == "file")
        #expect(file.others["size"] == 1)
        #expect(file.others["executable"] == false)
        #expect(file.others["digest"] == .string(digest(of: Array("a".utf8)).description))
        #expect(try await loader.get(Headers("/lib:1/main.js")).bytes() == Array("export {}".utf8), "a symlink is followed")
        #expect(try await loader.get(Headers("/lib:1/my%20file.txt")).bytes() == Array("spaced".utf8))
        for path in ["/src/none.js", "/src/index.js/x", "/none", "/src%2Findex.js", "/../lib", "/%2e%2e/x", "/a%0Ab"] {
            let reply = await loader.get(Headers("/lib:1" + path))
            #expect(reply.condition == .notFound, "\(path)")
            #expect(reply.message?.hasPrefix("File not found: ") == true, "\(path)")
        }
        #expect(await loader.put(Headers("/lib:1/main.js"), .text("x")).condition == .readOnly)
        #expect(shelf.calls == ["fetch lib:1"])
    }

    @Test func `a folder is a module, also where no loader is`() throws {
        let files = try [file("a/b.txt", "b"), file("c", "c")]
        let manifest = try ResourceManifest(definition: definition("m", type: "folder"), files: files, tree: digest(of: []))
        let content = ManifestContent(locator: "m", manifest: manifest) { _ in BytesSource(Array("b".utf8)) }
        guard case .json(let list) = try TypeRegistry().render(content, type: "folder") else { throw ContentError("no list") }
        #expect(list.text == #"["a/","c"]"#)
        guard case .bytes(let bytes) = try TypeRegistry().render(content, type: "module", argument: "a/b.txt") else {
            throw ContentError("no bytes")
        }
        #expect(try bytes.readAll() == Array("b".utf8))
        #expect(throws: ContentError("File not found: ../x", code: .notFound)) {
            try TypeRegistry().render(content, type: "module", argument: "../x")
        }
    }

    @Test func `a path means the same in a module as everywhere`() throws {
        let files = try [
            file("dir/b.txt", "b"), file("link", "dir", symlink: "dir"), file("wrong", "no/../dir/b.txt", symlink: "no/../dir/b.txt"),
        ]
        let manifest = ResourceManifest(unchecked: try definition("m", type: "module"), files: files, tree: digest(of: []))
        let content = ManifestContent(locator: "m", manifest: manifest) { _ in BytesSource(Array("b".utf8)) }
        #expect(try content.resolve(FilePath(parsing: "link/b.txt"))?.path.text == "dir/b.txt")
        #expect(try content.resolve(FilePath(parsing: "wrong")) == nil, "there is no folder to go up from")
        #expect(content.names(in: nil) == ["dir/", "link", "wrong"])
        #expect(try content.names(in: FilePath(parsing: "link")) == ["b.txt"])
        #expect(try content.names(in: FilePath(parsing: "dir/b.txt")) == nil && content.names(in: FilePath(parsing: "no")) == nil)
        guard case .json(let list) = try TypeRegistry().render(content, type: "module", argument: "link") else {
            throw ContentError("no list")
        }
        #expect(list.text == #"["b.txt"]"#)
    }

    @Test func `what a resource requires must be in the kit of each caller`() async throws {
        let shelf = Shelf()
        try shelf.offer("tool", ["content": "run"], ["requires": ["net", "log", "gpu"]])
        try shelf.offer("odd", ["content": "x"], ["requires": "net"])
        let loader = Loader(shelf)
        let none = await loader.get(Headers("/tool"))
        #expect(none.condition == .forbidden)
        #expect(none.message == "tool requires gpu, log, net, which the kit does not reach; pass a kit that does")
        let some = await loader.get(Headers("/tool", kit: Kit(["net": Echo(), "gpu": Echo()])))
        #expect(some.others["missing"] == ["log"])
        #expect(loader.bindings.isEmpty, "nothing is bound for who cannot use it")
        let kit = Kit(["net": Echo(), "log": Echo(), "gpu": Echo()])
        #expect(await loader.get(Headers("/tool", kit: kit)).body.text == "run")
        #expect(await loader.get(Headers("/tool", kit: kit.only(["net"]))).condition == .forbidden, "also once it is bound")
        #expect(await loader.put(Headers("/tool"), .empty).condition == .forbidden)
        #expect(loader.bindings.first?.requires == ["gpu", "log", "net"])
        #expect(await loader.get(Headers("/odd", kit: kit)).message == "requires must be an array of strings")
    }

    @Test func `the table is listed and unbound`() async throws {
        let shelf = Shelf()
        let first = try shelf.offer("a", ["content": "one"])
        try shelf.offer("b/c:2", ["content": "two"])
        let loader = Loader(shelf)
        let table = Router(["routes": loader.table])
        _ = await loader.get(Headers("/b%2Fc:2"))
        for _ in 0..<3 { _ = await loader.get(Headers("/a")) }
        #expect(loader.bindings.map(\.route) == ["a", "b/c:2"])
        #expect(loader.bindings.map(\.uses) == [3, 1])
        let one = await table.get(Headers("/routes/a")).body.json
        #expect(one?.text == #"{"asked":"a","digest":"\#(first.digest)","locator":"a","route":"a","type":"text","uses":3}"#)
        #expect(await table.get(Headers("/routes")).body.json?.array?.count == 2)
        #expect(await table.put(Headers("/routes/a"), .empty).isGood)
        #expect(await table.put(Headers("/routes/a"), .empty).condition == .notFound)
        #expect(await table.put(Headers("/routes/b%2Fc:2"), .text("x")).condition == .invalid)
        #expect(await table.get(Headers("/routes/a")).condition == .notFound)
        #expect(loader.bindings.map(\.route) == ["b/c:2"])
        #expect(await loader.get(Headers("/a")).body.text == "one", "the next request binds it anew")
        #expect(loader.bindings.first?.uses == 1)
    }

    @Test func `unbinding has a name looked for again`() async throws {
        let shelf = Shelf()
        let loader = Loader(shelf)
        #expect(await loader.get(Headers("/late")).condition == .notFound)
        try shelf.offer("late", ["content": "now"])
        #expect(await loader.unbind("late") == false)
        #expect(await loader.get(Headers("/late")).body.text == "now")
    }
}
