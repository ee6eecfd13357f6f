import RxPosix
import RxRun
import RxTesting
import Testing

@Suite struct `Hooks in the environment` {
    let home: TemporaryFolder
    let own: Hooks
    let variables: [String: String]

    init() throws {
        home = try TemporaryFolder()
        own = try Hooks(HookFiles.all, home: home.path)
        variables = own.environment { _ in nil }
    }

    private func environment(_ python: String, _ node: String) -> (python: String, node: String) {
        let found = own.environment { ["PYTHONPATH": python, "NODE_OPTIONS": node][$0] }
        return (found["PYTHONPATH"]!, found["NODE_OPTIONS"]!)
    }

    @Test func `are there once, without those of other homes and versions`() throws {
        let python = try #require(variables["PYTHONPATH"])
        let node = try #require(variables["NODE_OPTIONS"])
        #expect(python.hasPrefix("\(try Files.realPath(home.path))/cache/hooks/") && python.hasSuffix("/python"))
        let odd = try TemporaryFolder()
        let name = "\(odd.path)/a \"b\\c"
        try Files.makeFolders(name)
        let other = try Hooks([HookFile(path: "python/x.py", bytes: [1]), HookFile(path: "node/register.cjs", bytes: [1])], home: name)
            .environment { $0 == "PYTHONPATH" ? "/mine" : "--no-warnings" }
        let within = environment(other["PYTHONPATH"]!, other["NODE_OPTIONS"]!)
        #expect(within.python == "\(python):/mine")
        #expect(within.node == "--no-warnings \(node)")
        let again = environment("\(within.python):\(other["PYTHONPATH"]!)/", "\(other["NODE_OPTIONS"]!) --title=x \(within.node)")
        #expect(again.python == "\(python):/mine:/mine/", "\(again.python)")
        #expect(again.node == "--no-warnings --title=x --no-warnings \(node)")
        let slash = environment("/h/cache/hooks/0123456789abcdef/python/:", "\(node) --title=x")
        #expect(slash.python == "\(python):", "an empty entry is the working folder")
        #expect(slash.node == "--title=x \(node)")
    }

    @Test(arguments: [
        "/h/cache/hooks/python", "/h/cache/hooks/0123456789abcdeg/python", "/h/cache/hooks/0123456789abcdef/python/more", "cache/python",
        "",
        "/h/hooks/0123456789abcdef/python", "h/cache/hooks/0123456789abcdef/python",
    ]) func `leave what only looks like them`(path: String) throws {
        let options = "--require \"\(path.replacing("python", with: "node/main.cjs"))\"  --require \"a\\\"b"
        let found = environment("\(path):/mine", options)
        #expect(found.python == "\(variables["PYTHONPATH"]!):\(path):/mine")
        #expect(found.node == "\(options) \(variables["NODE_OPTIONS"]!)")
    }
}
