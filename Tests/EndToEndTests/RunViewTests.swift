import Foundation
import RxModel
import RxPosix
import RxTesting
import Testing

@Suite struct `What a program sees of a resource` {
    let bench: RunBench
    var lock: String { "\(bench.work.path)/rx.lock" }
    var trace: String { "\(bench.work.path)/rx.trace" }

    init() throws {
        bench = try RunBench()
        try bench.put(
            "shelf", "1", #""provides":{"python":["shelf"],"node":["shelf"]}"#,
            [
                "shelf/__init__.py": "import os\nHERE = os.path.dirname(__file__)\n", "shelf/mod.py": "M = 'right'\n",
                "shelf/data/one.txt": "one", "shelf/data/two.txt": "two", "undeclared.py": "raise RuntimeError('nobody asked for it')\n",
                "package.json": #"{"name":"shelf","exports":{".":"./dist/esm/index.js","./cjs":"./lib/main.cjs"}}"#,
                "dist/esm/package.json": #"{"type":"module"}"#, "dist/esm/index.js": "export { b } from './b.js';\n",
                "dist/esm/b.js": "export const b = 'right';\n", "lib/main.cjs": "exports.c = require('./part').c;\n",
                "lib/part/index.js": "exports.c = 'right';\n",
            ])
    }

    private func python(_ options: [String], _ text: String, _ user: User? = nil) throws -> Ended {
        try bench.python(options, text, user)
    }

    private func node(_ options: [String], _ text: String, _ user: User? = nil) throws -> Ended {
        try bench.work.write("main.mjs", text)
        return try bench.run(options, "exec node main.mjs", user)
    }

    private func freeze(_ user: User) throws -> Ended {
        try RxTesting.run(
            rxBinary, ["freeze"], in: bench.work.path, environment: ["RX_HOME": user.home.path, "RX_REGISTRY": bench.registry.url])
    }

    @Test func `is the resource's, whatever others wrote beside it, and freezing takes that away`() throws {
        let first = try python(
            ["--allow", "shelf", "--record"],
            """
            import os, shelf, shelf.mod
            os.makedirs(shelf.HERE + '/mod')
            for name, text in {'mod/__init__.py': "M = 'wrong'", 'stray.py': ''}.items():
                open(shelf.HERE + '/' + name, 'w').write(text)
            os.makedirs(os.path.dirname(shelf.HERE) + '/lib')
            open(os.path.dirname(shelf.HERE) + '/lib/part.js', 'w').write("exports.c = 'wrong';")
            """)
        #expect(first.status == 0, "\(first.error)")
        let text = """
            import shelf.mod
            print(shelf.mod.M)
            try:
                import shelf.stray
            except ModuleNotFoundError as error:
                print(error)
            """
        let again = try python([], text)
        #expect(again.text == "right\nNo module named 'shelf.stray'\n", "\(again.error)")
        let script = "import { createRequire } from 'node:module'; console.log(createRequire(import.meta.url)('shelf/cjs').c);\n"
        let refused = try node([], script)
        #expect(refused.status == 1)
        #expect(refused.error.contains("/lib/part.js is no file of its resource"), "\(refused.error)")

        let view = try #require(try LazyPackages.viewFiles(of: bench.user).first { $0.hasSuffix("/shelf/mod.py") })
        try #require(try Files.remove(view))
        try Files.replace(view, with: Array("M = 'wrong'\n".utf8))
        let frozen = try freeze(bench.user)
        #expect(frozen.status == 0, "\(frozen.error)")
        #expect(
            frozen.text.hasPrefix("  shelf:1: shelf/mod.py was changed where programs see it, and taken away\nFrozen: "), "\(frozen.text)")
        #expect(try freeze(bench.user).text.hasPrefix("Frozen: "))
        let files = try LazyPackages.viewFiles(of: bench.user)
        #expect(!files.contains { $0.hasSuffix("/stray.py") || $0.contains("/mod/") || $0.hasSuffix("/part.js") }, "\(files)")
        #expect(try python(["--offline"], "import shelf.mod; print(shelf.mod.M)").text == "right\n")
        #expect(try node([], script).text == "right\n")
    }

    @Test func `has the modules that it says it provides, not what else lies at its root`() throws {
        let ended = try python(
            ["--allow", "shelf"], "import shelf\ntry:\n    import undeclared\nexcept ModuleNotFoundError as error:\n    print(error)\n")
        let told = "No module named 'undeclared' (rx: The module python:undeclared is not allowed"
        #expect(ended.text.hasPrefix(told), "\(ended.text) \(ended.error)")
    }

    @Test func `may be damaged by a program; the store is not`() throws {
        let ended = try python(
            ["--allow", "shelf"],
            """
            import os, subprocess, shelf
            path = shelf.HERE + '/data/one.txt'
            print(open(path).read(), os.stat(path).st_nlink)
            for change in (lambda: os.truncate(path, 0), lambda: os.chmod(path, 0o777), lambda: os.utime(path, (1, 1))):
                try:
                    change()
                    print('changed')
                except PermissionError:
                    pass
            subprocess.run(['sh', '-c', 'chmod u+w "$0/one.txt"; echo evil > "$0/one.txt"', os.path.dirname(path)], check=True)
            """)
        #expect(ended.text == "one 1\n", "\(ended.error)")
        try bench.user.rx("verify")
        #expect(try bench.user.rx("cat", "shelf:1/shelf/data/one.txt") == "one")
    }

    @Test func `is listed without being fetched`() throws {
        let ended = try python(
            ["--allow", "shelf"], "import os, shelf; print(sorted(os.listdir(shelf.HERE)), sorted(os.listdir(shelf.HERE + '/data')))")
        #expect(ended.text.contains("'data', 'mod.py'] ['one.txt', 'two.txt']\n"), "\(ended.text) \(ended.error)")
        let listed = try node(
            ["--allow", "shelf"],
            """
            import 'shelf';
            import { readdirSync } from 'node:fs';
            console.log(readdirSync(new URL('../../shelf/data', import.meta.resolve('shelf'))).join());
            """)
        #expect(listed.text == "one.txt,two.txt\n", "\(listed.error)")
        let files = try LazyPackages.viewFiles(of: bench.user)
        #expect(!files.contains { $0.hasSuffix("/one.txt") || $0.hasSuffix("/mod.py") }, "\(files)")
    }

    @Test func `is gone through without being fetched, and comes by the folder where the bytes are wanted`() throws {
        let files = Dictionary(uniqueKeysWithValues: (0..<60).map { ("wide/data/f\($0)", "text \($0)") })
        let more = ["wide/__init__.py": "", "wide/data/deep/x": "x", "wide/other.txt": "o"]
        try bench.put("wide", "1", "", files.merging(more) { $1 }, links: ["wide/link": "data"])
        func asked() -> Int {
            bench.registry.errors.split(separator: "\n").count { $0.contains("/blobs/") || $0.contains("blobs/fetch") }
        }
        let walked = try python(
            ["--allow", "wide"],
            """
            import sys
            sys.dont_write_bytecode = True
            import glob, os, wide
            top = os.path.dirname(wide.__file__)
            print(sum(len(names) for _, _, names in os.walk(top)), len(glob.glob(top + '/**/f1*', recursive=True)))
            with os.scandir(top + '/data') as entries:
                found = {entry.name: (entry.is_dir(), entry.is_file(), entry.is_symlink(), entry.path == top + '/data/' + entry.name) for entry in entries}
            print(len(found), found['deep'], found['f7'], [each.name for each in os.scandir(top) if each.is_symlink() and each.is_dir()], sorted(os.listdir(os.fsencode(top)))[:1])
            """)
        #expect(
            walked.text == "63 11\n61 (True, False, False, True) (False, True, False, True) ['link'] [b'__init__.py']\n", "\(walked.error)")
        let before = asked()
        let copied = try python(
            ["--allow", "wide"],
            """
            import os, shutil, sys, wide
            shutil.copytree(os.path.dirname(wide.__file__) + '/data', 'copy')
            print(sorted(os.listdir('copy')) == sorted(['deep'] + ['f%d' % each for each in range(60)]), open('copy/f59').read(), open('copy/deep/x').read())
            """)
        #expect(copied.text == "True text 59 x\n", "\(copied.error)")
        #expect(asked() - before <= 2, "one request for a folder's files: \(asked() - before)")
        let shown = try LazyPackages.viewFiles(of: bench.user)
        #expect(!shown.contains { $0.hasSuffix("/other.txt") }, "\(shown)")
        let other = try User(["RX_REGISTRY": bench.registry.url])
        let count = asked()
        let listed = try node(
            ["--allow", "shelf"],
            """
            import 'shelf';
            import { readdirSync } from 'node:fs';
            console.log(readdirSync(new URL('../../shelf/data', import.meta.resolve('shelf')), { withFileTypes: true }).map((each) => each.isFile()).join());
            """, other)
        #expect(listed.text == "true,true\n", "\(listed.error)")
        // The package's own three files, and the folder's two at once.
        #expect(asked() - count <= 5, "\(asked() - count)")
    }

    @Test func `is recorded from files that were there already, and is enough on another machine without a network`() throws {
        let programs = [
            "import os, shelf; print(os.path.exists(shelf.HERE + '/data/two.txt'))",
            "import { b } from 'shelf'; console.log(b);\n",
        ]
        for recording in [[], ["--record"]] {
            #expect(try python(["--allow", "shelf"] + recording, programs[0]).text == "True\n")
            #expect(try node(["--allow", "shelf"] + recording, programs[1]).text == "right\n")
        }
        let traced = try String(contentsOfFile: trace, encoding: .utf8)
        for path in ["shelf/data/two.txt", "dist/esm/package.json", "dist/esm/b.js", "package.json", "shelf/__init__.py"] {
            #expect(traced.contains("\"\(path)\""), "\(path) in \(traced)")
        }
        #expect(!traced.contains("shelf/mod.py") && !traced.contains(".node/"), "\(traced)")
        let other = try User(["RX_REGISTRY": bench.registry.url])
        let frozen = try freeze(other)
        #expect(frozen.status == 0, "\(frozen.error)")
        #expect(bench.registry.end() == 0)
        #expect(try python(["--offline"], programs[0], other).text == "True\n")
        #expect(try node(["--offline"], programs[1], other).text == "right\n")
    }

    @Test func `is noted at once and once a process, however that ends`() throws {
        #expect(try python(["--allow", "shelf"], "import shelf.mod").status == 0)
        let killed = try python(
            ["--allow", "shelf", "--record"],
            """
            import os, signal, shelf
            def use():
                for _ in range(1000): open(shelf.HERE + '/mod.py').close()
            use()
            size = os.path.getsize(os.environ['RX_LOADER_USES'])
            if os.fork() == 0:
                use()
                os._exit(0)
            os.wait()
            print(os.path.getsize(os.environ['RX_LOADER_USES']) - size, size < 1000, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
            """)
        #expect(killed.text == "0 True\n", "\(killed.error)")
        #expect(killed.status == 137)
        let traced = try String(contentsOfFile: trace, encoding: .utf8)
        #expect(traced.contains("shelf/mod.py") && traced.contains("shelf/__init__.py"), "\(traced)")
    }

    @Test func `is shown by rx routes, also what was locked and there already`() throws {
        try bench.put("plain", "2", "", ["plain.py": "P = 2\n"])
        #expect(try python(["--allow", "shelf", "--allow", "plain", "--record"], "import shelf, plain").status == 0)
        #expect(try node(["--allow", "shelf", "--record"], "import 'shelf';\n").status == 0)
        try FileManager.default.removeItem(atPath: "\(bench.user.home.path)/cache/routes.json")
        #expect(bench.registry.end() == 0)
        func routes() throws -> [String: Int] {
            let list = try bench.user.run("routes", "--json").json()["routes"]?.array ?? []
            return Dictionary(
                uniqueKeysWithValues: list.map { ("\($0["language"]?.string ?? ""):\($0["name"]?.string ?? "")", $0["uses"]?.int ?? 0) })
        }
        #expect(try python(["--offline"], "import shelf, plain").status == 0)
        let first = try routes()
        #expect(first.keys.sorted() == ["python:plain", "python:shelf"] && first.values.allSatisfy { $0 == 1 }, "\(first)")
        #expect(try python(["--offline"], "import shelf").status == 0)
        #expect(try node(["--offline"], "import 'shelf';\n").status == 0)
        let second = try routes()
        #expect(second.keys.sorted() == ["node:shelf", "python:plain", "python:shelf"])
        #expect(second["python:shelf"] == 2 && second["python:plain"] == 1 && second["node:shelf", default: 0] > 0, "\(second)")
    }

    @Test func `is there again when the cache is cleared while a program runs`() throws {
        let ended = try python(
            ["--allow", "shelf", "--record"],
            """
            import functools, os, subprocess, sys, shelf
            print = functools.partial(print, flush=True)
            subprocess.run([os.environ['RX'], 'cache', 'clear'], check=True, stdout=subprocess.DEVNULL)
            print(subprocess.run([sys.executable, '-c', 'import shelf.mod; print(shelf.mod.M)'], capture_output=True, text=True))
            import shelf.mod
            print(open(shelf.HERE + '/data/one.txt').read())
            subprocess.run(['node', '--input-type=module', '-e', "import { b } from 'shelf'; console.log(b)"], check=True)
            """.replacing("os.environ['RX']", with: "'\(rxBinary)'"))
        #expect(ended.text.contains(#"stdout='right\n'"#) && ended.text.hasSuffix("one\nright\n"), "\(ended.text) \(ended.error)")
        let traced = try String(contentsOfFile: trace, encoding: .utf8)
        #expect(traced.contains("shelf/data/one.txt") && traced.contains("shelf/mod.py"), "\(traced)")
    }

    @Test func `is not looked for by an interpreter that is too old`() throws {
        try bench.work.write("site/sitecustomize.py", "print('site of the user')\n")
        try bench.work.write("old.py", "import sys; del sys.addaudithook\nimport site; site.main()\nimport shelf\n")
        let python = try bench.run(
            ["--allow", "shelf"], "exec python3 -S old.py", environment: ["PYTHONPATH": "\(bench.work.path)/site"])
        #expect(python.text == "site of the user\n")
        #expect(python.error.hasSuffix("ModuleNotFoundError: No module named 'shelf'\n"), "\(python.error)")
        try bench.work.write(
            "old.cjs", "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.12.0' } });\n")
        let node = try bench.run(
            ["--allow", "shelf"], "exec node -e \"console.log('runs'); require('shelf')\"",
            environment: ["NODE_OPTIONS": "--require \(bench.work.path)/old.cjs"])
        #expect(node.text == "runs\n", "\(node.error)")
        #expect(node.error.contains("Error: Cannot find module 'shelf'\n"), "\(node.error)")
    }
}
