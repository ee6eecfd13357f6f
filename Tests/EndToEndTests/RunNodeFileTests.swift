import RxModel
import RxTesting
import Testing

@Suite struct `Node beneath rx run, and files` {
    let bench: RunBench

    init() throws {
        bench = try RunBench()
        let numbered = Dictionary(uniqueKeysWithValues: (1...34).map { ("data/\($0).txt", "text \($0)") })
        let tool = "#!/bin/sh\nprintf 'tool '\nexec cat \"$@\"\n"
        try bench.put(
            "box", "1", #""provides":{"node":["box"]}"#,
            numbered.merging([
                "package.json": #"{"name":"box"}"#, "index.js": "exports.b = 1;\n", "more/one": "1", "more/two": "2", "tool1": tool,
                "tool2": tool,
                "child.cjs": "process.stdout.write(require('node:fs').readFileSync(process.argv[2]) + '!');\nprocess.disconnect();\n",
            ]) { $1 },
            links: ["link1": "data/31.txt", "link2": "data/32.txt", "link3": "data/33.txt", "link4": "data/34.txt", "link5": "more"],
            executable: ["tool1", "tool2"])
    }

    /// What one part of the program gives.
    private func files(_ part: String) throws -> JSON {
        let ended = try bench.run(["--allow", "box"], "exec timeout 120 node \(LazyPackages.programs)/files.cjs \(part)")
        #expect(ended.status == 0, "\(ended.error)")
        return try ended.json()
    }

    @Test func `files of a view are reached by every kind of path, also from a folder in it, and none is replaced`() throws {
        let got = try files("paths")
        let words = { (numbers: ClosedRange<Int>) in numbers.map { JSON.string("text \($0)") } }
        #expect(got["got"] == .array(words(1...7) + [6, true, true, true, true, "text 13", "one,two"] + words(14...18)))
        #expect(got["refused"] == .array(Array(repeating: "EACCES", count: 6)))
        #expect(got["here"] == .array([#"{"name":"box"}"#, "mine"]), "the program's own folder is its own")
    }

    @Test func `a symlink is fetched before it is read`() throws {
        let got = try files("links")
        #expect(got == .array(["data/31.txt", "data/32.txt", "data/33.txt", "data/34.txt", "more", "ENOENT", "EINVAL"]))
    }

    @Test func `a program that is started, and its arguments, are fetched first`() throws {
        let got = try files("programs")
        let expected = (1...7).map { JSON.string("text \($0)") } + ["text 8!", "tool text 9", "tool text 10", "ENOENT"]
        #expect(got == .array(expected))
        try bench.work.write(
            "main.mjs",
            """
            import { execFileSync, spawn } from "node:child_process";
            import { fileURLToPath } from "node:url";
            import { isMainThread, Worker } from "node:worker_threads";
            const box = import.meta.resolve("box");
            const at = (number) => fileURLToPath(new URL(`data/${number}.txt`, box));
            process.stdout.write(execFileSync("cat", [at(isMainThread ? 11 : 13)]));
            if (isMainThread) spawn("cat", [at(12)], { stdio: "inherit" }).on("close", () => new Worker(new URL(import.meta.url)));
            """)
        let imported = try bench.run(["--allow", "box"], "exec node main.mjs")
        #expect(imported.text == "text 11text 12text 13", "\(imported.error)")
        #expect(bench.registry.end() == 0)
        try bench.work.write(
            "late.cjs",
            """
            try {
              require("node:child_process").execFileSync("cat", [require.resolve("box").replace("index.js", "data/20.txt")]);
            } catch (error) {
              console.log(error.code);
            }
            """)
        let refused = try bench.run(["--allow", "box"], "exec node late.cjs")
        #expect(refused.text == "EIO\n", "\(refused.error)")
    }

    @Test func `what a program opens under a number that was a hook's gets nothing that is not meant for it`() throws {
        let got = try files("descriptors")
        for (taken, first) in zip(got.array ?? [], [2, 6]) {
            #expect(taken["numbers"] == 1 && taken["sizes"] == .array([0]), "\(taken)")
            #expect(taken["got"] == .array((first..<first + 4).map { .string("text \($0)") }))
        }
        #expect(got.array?.count == 2)
    }
}
