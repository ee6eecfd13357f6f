import Foundation
import RxModel
import RxTesting
import Testing

@Suite struct `Node beneath rx run` {
    let packages: LazyPackages
    var user: User { packages.user }

    init() throws {
        packages = try LazyPackages("node")
    }

    private func run(_ options: [String], _ command: [String]) throws -> Ended { try packages.run(options, command) }

    private func check(_ ended: Ended, refusal: String) throws {
        #expect(ended.status == 0, "\(ended.error)")
        let got = try ended.json()
        #expect(got["numbers"] == .array((0..<30).map { .integer(1000 + $0) }))
        #expect(got["static"] == .array([1003, 1004, "words of 4\n"]))
        #expect(got["conditions"] == .array(["import", "require"]))
        #expect(got["subpath"] == "one")
        #expect(got["later"] == 6)
        #expect(got["here"] == true, "import.meta.url is the file's")
        #expect(got["before"] == 1004, "what a package needs itself")
        #expect(got["words"] == "words of 10\n")
        #expect(got["closed"]?.array?.first == "ERR_PACKAGE_PATH_NOT_EXPORTED", "exports hold")
        let missing = try #require(got["missing"]?.array?.last?.string)
        #expect(missing.hasPrefix("Cannot find package 'nobody-has-this' imported from "), "\(missing)")
        #expect(missing.contains("(rx: The module node:nobody-has-this is not allowed: \(refusal)"), "\(missing)")
        let required = try #require(got["required"]?.array?.last?.string)
        #expect(got["required"]?.array?.first == "MODULE_NOT_FOUND")
        #expect(
            required.hasPrefix("Cannot find module '@nobody/has-this' (rx: The module node:@nobody/has-this is not allowed: \(refusal)"),
            "\(required)")
        #expect(required.contains("rx run --allow 'node:@nobody/has-this' --record"), "\(required)")
    }

    @Test func `a program gets 30 packages, only what it uses of them, and the same again from the lock without a registry`() throws {
        let program = "\(LazyPackages.programs)/program.mjs"
        try check(try run(["--allow", "*lazy*", "--record"], ["node", program]), refusal: "no --allow matches it")
        let files = try LazyPackages.viewFiles(of: user)
        #expect(files.contains { $0.hasSuffix("/esm/main.mjs") })
        #expect(!files.contains { $0.hasSuffix("/unused.js") || $0.hasSuffix("/README.md") }, "\(files)")
        #expect(packages.registry.end() == 0)
        try check(try run(["--offline"], ["node", program]), refusal: "rx.lock does not have it")
    }

    @Test func `CommonJS, text on the command line, and import within CommonJS`() throws {
        try packages.work.write(
            "main.cjs", "console.log(require('lazy-n08').number); import('lazy-n02').then((each) => console.log(each.number));\n")
        let common = try run(["--allow", "*lazy*"], ["node", "main.cjs"])
        #expect(common.text == "1008\n1002\n", "\(common.error)")
        let required = try run(["--allow", "*lazy*"], ["node", "-p", "require('lazy-n04').words + require('@lazy/n01').words"])
        #expect(required.text == "words of 4\nwords of 1\n\n", "\(required.error)")
        let imported = try run(
            ["--allow", "*lazy*"], ["node", "--input-type=module", "-e", "import { sub } from 'lazy-n06/sub/one'; console.log(sub)"])
        #expect(imported.text == "one\n", "\(imported.error)")
    }

    @Test func `a package that is installed wins, whatever it lacks`() throws {
        try packages.work.write("node_modules/lazy-n00/index.js", "exports.number = 'installed'\n")
        let ended = try run(["--allow", "*lazy*"], ["node", "-p", "require('lazy-n00').number"])
        #expect(ended.text == "installed\n", "\(ended.error)")
        let part = try run(["--allow", "*lazy*"], ["node", "-p", "require('lazy-n00/lib/main')"])
        #expect(part.status == 1)
        #expect(part.error.contains("Cannot find module 'lazy-n00/lib/main'\n"), "\(part.error)")
    }

    @Test func `when the registry is gone the program hears of it`() throws {
        let first = try run(["--allow", "*lazy*", "--record"], ["node", "-p", "require('lazy-n04').number"])
        #expect(first.text == "1004\n", "\(first.error)")
        #expect(packages.registry.end() == 0)
        let again = try run([], ["node", "-p", "require('lazy-n04').number"])
        #expect(again.text == "1004\n", "\(again.error)")
        let part = try run([], ["node", "-p", "require('lazy-n04/unused.js')"])
        #expect(part.status == 1)
        #expect(part.error.contains("Cannot find module 'lazy-n04/unused.js' (rx: "), "\(part.error)")
        let data = try run(
            [],
            [
                "node", "-p",
                "require('node:fs').readFileSync(require.resolve('lazy-n04/package.json').replace('package.json', 'README.md'))",
            ])
        #expect(data.error.contains("Error: EIO: rx: "), "\(data.error)")
    }
}
