import Foundation
import RxModel
import RxTesting
import Testing

@testable import RxSource

/// A `.rxignore` text, the paths of a folder (a `/` at the end for a folder), and those that are left out.
struct IgnoreCase: CustomTestStringConvertible, Sendable {
    let lines: String
    let paths: [String]
    let ignored: [String]
    var testDescription: String { lines.debugDescription }

    /// The paths that stay; as paths, because two texts that differ in normalisation are equal strings.
    var kept: Set<FilePath> { Set(paths.map { FilePath(unchecked: $0) }).subtracting(ignored.map { FilePath(unchecked: $0) }) }

    init(_ lines: String, _ paths: [String], ignores ignored: [String]) {
        (self.lines, self.paths, self.ignored) = (lines, paths, ignored)
    }
}

let ignoreCases = [
    IgnoreCase("", ["a", "b/c"], ignores: []),
    IgnoreCase("# a\n\n   \nb", ["a", "b", "# a"], ignores: ["b"]),
    IgnoreCase("\\#a\n\\!b", ["#a", "!b", "b"], ignores: ["#a", "!b"]),
    IgnoreCase("a.txt", ["a.txt", "b/a.txt", "b/c/a.txt", "xa.txt", "a.txtx"], ignores: ["a.txt", "b/a.txt", "b/c/a.txt"]),
    IgnoreCase("/a.txt", ["a.txt", "b/a.txt"], ignores: ["a.txt"]),
    IgnoreCase("b/a.txt", ["b/a.txt", "c/b/a.txt"], ignores: ["b/a.txt"]),
    IgnoreCase("build/", ["build/x", "a/build/x", "c/build"], ignores: ["build/x", "a/build/x"]),
    IgnoreCase("/build/", ["build/x", "a/build/x"], ignores: ["build/x"]),
    IgnoreCase("*.log", ["a.log", "b/c.log", ".log", "log", "a.logs"], ignores: ["a.log", "b/c.log", ".log"]),
    IgnoreCase("*.log\n!keep.log", ["a.log", "keep.log", "b/keep.log"], ignores: ["a.log"]),
    IgnoreCase("!a\na", ["a"], ignores: ["a"]),
    IgnoreCase("a\n!a", ["a"], ignores: []),
    IgnoreCase("dir/\n!dir/keep", ["dir/keep", "dir/x"], ignores: ["dir/keep", "dir/x"]),
    IgnoreCase("dir/*\n!dir/keep", ["dir/keep", "dir/x"], ignores: ["dir/x"]),
    IgnoreCase("*\n!*/\n!*.md", ["a.md", "b/c.md", "b/c.txt"], ignores: ["b/c.txt"]),
    IgnoreCase("a?c", ["abc", "ac", "abbc", "b/axc"], ignores: ["abc", "b/axc"]),
    IgnoreCase("a[bc]d", ["abd", "acd", "add", "a[bc]d"], ignores: ["abd", "acd"]),
    IgnoreCase("a[!bc]d", ["abd", "axd"], ignores: ["axd"]),
    IgnoreCase("a[^b-d]e", ["abe", "ace", "aze"], ignores: ["aze"]),
    IgnoreCase("[a-c]x", ["ax", "bx", "dx", "-x"], ignores: ["ax", "bx"]),
    IgnoreCase("[]]x", ["]x", "x"], ignores: ["]x"]),
    IgnoreCase("[a-]x", ["-x", "ax", "bx"], ignores: ["-x", "ax"]),
    IgnoreCase("[[:digit:]]", ["1", "a"], ignores: ["1"]),
    IgnoreCase("[[:alpha:]_]1", ["a1", "_1", "11"], ignores: ["a1", "_1"]),
    IgnoreCase("[[:upper:][:space:]]", ["A", "a", " "], ignores: ["A", " "]),
    IgnoreCase("[[:wrong:]]", ["w", ":"], ignores: []),
    IgnoreCase("[[:]x", [":x", "[x", "a"], ignores: [":x", "[x"]),
    IgnoreCase("[abc", ["[abc", "a"], ignores: []),
    IgnoreCase("[\\]]x", ["]x", "\\x"], ignores: ["]x"]),
    IgnoreCase("a\\*b", ["a*b", "axb"], ignores: ["a*b"]),
    IgnoreCase("a\\", ["a", "a\\"], ignores: []),
    IgnoreCase("a*/b", ["a1/b", "a/b", "a1/c/b", "x/a1/b"], ignores: ["a1/b", "a/b"]),
    IgnoreCase("*/b", ["a/b", "b", "a/a/b"], ignores: ["a/b"]),
    IgnoreCase("**/b", ["b", "a/b", "a/a/b", "a/bc"], ignores: ["b", "a/b", "a/a/b"]),
    IgnoreCase("**/b/c", ["b/c", "a/b/c", "a/x/b/c", "c"], ignores: ["b/c", "a/b/c", "a/x/b/c"]),
    IgnoreCase("a/**", ["a/b", "a/c/d", "b/a/c"], ignores: ["a/b", "a/c/d"]),
    IgnoreCase("a/**/b", ["a/b", "a/x/b", "a/x/y/b", "a/xb", "z/a/b"], ignores: ["a/b", "a/x/b", "a/x/y/b"]),
    IgnoreCase("a/**b/c", ["a/b/c", "a/xb/c", "a/x/b/c"], ignores: ["a/b/c", "a/xb/c"]),
    IgnoreCase("a**b", ["ab", "axxb", "a/b"], ignores: ["ab", "axxb"]),
    IgnoreCase("**", ["a", "b/c"], ignores: ["a", "b/c"]),
    IgnoreCase("/**", ["a", "b/c"], ignores: ["a", "b/c"]),
    IgnoreCase("/*\n!/b", ["a", "b/c", "d/e"], ignores: ["a", "d/e"]),
    IgnoreCase("/", ["a"], ignores: []),
    IgnoreCase("!", ["a", "!"], ignores: []),
    IgnoreCase("a//b", ["a/b"], ignores: []),
    IgnoreCase("a  \nb\\ \nc d", ["a", "b ", "c d", "b"], ignores: ["a", "b ", "c d"]),
    IgnoreCase(" a", [" a", "a"], ignores: [" a"]),
    IgnoreCase("a\t", ["a", "a\t"], ignores: ["a\t"]),
    IgnoreCase("a\r\nb\r\n", ["a", "b", "c"], ignores: ["a", "b"]),
    IgnoreCase("\u{FEFF}a", ["a"], ignores: ["a"]),
    IgnoreCase("é", ["é", "e\u{301}", "x"], ignores: ["é"]),
    IgnoreCase("A", ["a", "A"], ignores: ["A"]),
    IgnoreCase("*a*a*a*a*b", ["aaaaaaaaaaaaaaaaaaaa", "xaxaxaxab"], ignores: ["xaxaxaxab"]),
    IgnoreCase("a/*/c/**/d", ["a/b/c/d", "a/b/c/x/y/d", "a/c/d"], ignores: ["a/b/c/d", "a/b/c/x/y/d"]),
]

@Suite struct IgnorePatternTests {
    @Test(arguments: ignoreCases) func `a folder leaves out what its .rxignore lists`(_ each: IgnoreCase) throws {
        let folder = try NamedFolder("f", [".rxignore": each.lines])
        for path in each.paths { try folder.write(path, "x") }
        #expect(try Set(folder.entries().map(\.path)) == each.kept)
    }

    @Test(arguments: ignoreCases) func `an archive leaves out the same as a folder`(_ each: IgnoreCase) throws {
        var tree = IgnoreTree([FilePath(unchecked: ".rxignore"): Array(each.lines.utf8)])
        #expect(Set(each.paths.map { FilePath(unchecked: $0) }.filter { !tree.excludes($0) }) == each.kept)
    }

    @Test(arguments: ignoreCases) func `git agrees`(_ each: IgnoreCase) throws {
        let folder = try NamedFolder("f", [".gitignore": each.lines])
        for path in each.paths { try folder.write(path, "x") }
        try run("git", ["init", "-q", "."], in: folder.path)
        let listed = try run("git", ["ls-files", "-z", "--others", "--exclude-standard"], in: folder.path).output.split(separator: 0)
        let kept = Set(listed.map { FilePath(unchecked: String(decoding: $0, as: UTF8.self)) }).subtracting([
            FilePath(unchecked: ".gitignore")
        ])
        #expect(kept == each.kept)
    }

    @Test func `a deeper .rxignore decides before those above it`() throws {
        let files = [
            ".rxignore": "*.log\n/only-here\n", "a.log": "", "only-here": "", "d/.rxignore": "!keep.log\n/x\n", "d/keep.log": "",
            "d/b.log": "",
            "d/x": "", "d/e/x": "", "d/e/keep.log": "", "d/only-here": "", "e/keep.log": "",
        ]
        let folder = try NamedFolder("f", files)
        let expected = ["d/e/keep.log", "d/e/x", "d/keep.log", "d/only-here"]
        #expect(try folder.paths() == expected)

        var tree = IgnoreTree(
            Dictionary(
                uniqueKeysWithValues: files.filter { $0.key.hasSuffix(".rxignore") }.map { (FilePath(unchecked: $0), Array($1.utf8)) }))
        #expect(files.keys.sorted().filter { !tree.excludes(FilePath(unchecked: $0)) } == expected)
    }

    @Test func `a pattern made to be slow is matched in no time`() throws {
        let pattern = try #require(IgnorePattern(line: ArraySlice((String(repeating: "*a", count: 100) + "b").utf8)))
        let deep = try #require(IgnorePattern(line: ArraySlice((String(repeating: "**/a/", count: 50) + "b").utf8)))
        let name = ArraySlice(String(repeating: "a", count: 255).utf8)
        let path = ArraySlice(Array(repeating: "a", count: 2000).joined(separator: "/").utf8)
        let before = threadSeconds()
        #expect(!pattern.matches(path: name, name: name, isFolder: false))
        #expect(!deep.matches(path: path, name: path.suffix(1), isFolder: false))
        #expect(threadSeconds() - before < 2)
    }
}
