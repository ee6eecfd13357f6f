import RxModel

/// One line of an `.rxignore` file, with the syntax and meaning of gitignore(5), "PATTERN FORMAT".
///
/// - An empty line and one that starts with `#` are nothing. Spaces at the end do not count unless the last is written `\ `.
/// - `!` in front takes back what an earlier line left out, but not inside a folder that is left out itself.
/// - `/` at the end: the line means folders only. `/` in front or in the middle: the line is a path from the `.rxignore` file's own
///   folder. No such `/`: the line is a name at any depth below it.
/// - `*` is any bytes but `/`, `?` one byte but `/`, `[a-z]`, `[!a-z]` and `[[:digit:]]` one byte of a set, `\` takes the next byte
///   as it is. `**/` in front is any folders, `/**` at the end everything inside, `/**/` any folders between.
struct IgnorePattern: Sendable, Equatable {
    /// Whether it takes back instead of leaving out.
    let negated: Bool
    private let foldersOnly: Bool
    private let anchored: Bool
    private let glob: PathGlob

    /// Reads a line without its line end; nil for a line that matches nothing.
    init?(line: ArraySlice<UInt8>) {
        var line = line
        guard line.first != UInt8(ascii: "#") else { return nil }
        IgnorePattern.trim(&line)
        negated = line.first == UInt8(ascii: "!")
        if negated { line.removeFirst() }
        foldersOnly = line.last == UInt8(ascii: "/")
        if foldersOnly { line.removeLast() }
        anchored = line.contains(UInt8(ascii: "/"))
        if line.first == UInt8(ascii: "/") { line.removeFirst() }
        guard !line.isEmpty else { return nil }
        guard let glob = PathGlob(line) else { return nil }
        self.glob = glob
    }

    /// Whether the line means an entry: `path` from the folder of the `.rxignore` file, `name` its last segment.
    func matches(path: ArraySlice<UInt8>, name: ArraySlice<UInt8>, isFolder: Bool) -> Bool {
        guard isFolder || !foldersOnly else { return false }
        return anchored ? glob.matches(path.split(separator: UInt8(ascii: "/"))) : glob.matches(name: name)
    }

    /// Takes off spaces at the end; one behind a `\` stays.
    private static func trim(_ line: inout ArraySlice<UInt8>) {
        while line.last == UInt8(ascii: " ") {
            let escapes = line.dropLast().reversed().prefix { $0 == UInt8(ascii: "\\") }.count
            guard escapes % 2 == 0 else { return }
            line.removeLast()
        }
    }
}
