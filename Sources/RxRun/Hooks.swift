import Glibc
import RxModel
import RxPosix

/// One file of what makes the programs of a language ask the host for modules that they do not find.
package struct HookFile: Sendable {
    /// Below the folder of hooks, such as `python/sitecustomize.py`.
    package let path: String
    /// Its bytes.
    package let bytes: [UInt8]

    /// Names a file.
    package init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }
}

/// Hooks in a folder, and the environment that brings programs to load them. Source: Specs/17-run, "Languages".
package struct Hooks: Sendable {
    /// The folder that Python looks in first, below that of the hooks.
    private static let python = "python"
    /// What Node loads first.
    private static let node = "node/register.cjs"

    private let folder: String
    private let files: Set<String>

    /// Writes the files to `HOME/cache/hooks/<checksum of them>`, unless they are there. Throws `PosixError`.
    package init(_ files: [HookFile], home: String) throws {
        folder = "\(try Files.realPath(home))/cache/hooks/\(Hex.text(Hooks.checksum(files)))"
        self.files = Set(files.map(\.path))
        for file in files {
            let path = "\(folder)/\(file.path)"
            if let status = try Files.status(path), status.isRegular, Int(status.st_size) == file.bytes.count { continue }
            try Files.makeFolders(Files.folder(of: path))
            try Files.replace(path, with: file.bytes)
        }
    }

    /// Tells one version's hooks from another's: 64 bits of FNV-1a over paths and bytes, in order (the hash of Fowler, Noll and Vo).
    private static func checksum(_ files: [HookFile]) -> [UInt8] {
        var sum: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ bytes: some Sequence<UInt8>) { for byte in bytes { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01B3 } }
        for file in files {
            add(file.path.utf8)
            add([0])
            add(file.bytes)
            add([0])
        }
        return withUnsafeBytes(of: sum.bigEndian) { Array($0) }
    }

    /// The variables that a program is started with; `present` gives those that it would have had.
    package func environment(_ present: (String) -> String?) -> [String: String] {
        var variables: [String: String] = [:]
        if files.contains(where: { $0.hasPrefix("\(Hooks.python)/") }) {
            let own = "\(folder)/\(Hooks.python)"
            // An empty entry is the working folder; an empty variable is none.
            let path = present("PYTHONPATH") ?? ""
            let entries = path.isEmpty ? [] : path.split(separator: ":", omittingEmptySubsequences: false)
            let others = entries.filter { !Hooks.isOfHooks(String($0), Hooks.python) }
            variables["PYTHONPATH"] = ([Substring(own)] + others).joined(separator: ":")
        }
        if files.contains(Hooks.node) {
            // Read as a shell would: https://nodejs.org/api/cli.html#node_optionsoptions
            let quoted = "\(folder)/\(Hooks.node)".replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            let own = "--require \"\(quoted)\""
            let others = Hooks.withoutHooks(options: present("NODE_OPTIONS") ?? "")
            variables["NODE_OPTIONS"] = others.isEmpty ? own : "\(others) \(own)"
        }
        return variables
    }

    /// Whether a path is that of a file or folder of hooks, of whatever home and version: `/.../cache/hooks/<checksum>/NAME`.
    private static func isOfHooks(_ path: String, _ name: String) -> Bool {
        let (parts, tail) = (path.split(separator: "/"), name.split(separator: "/"))
        let place = Array(parts.dropLast(tail.count).suffix(3))
        guard path.hasPrefix("/"), Array(parts.suffix(tail.count)) == tail, place.count == 3 else { return false }
        return place[0] == "cache" && place[1] == "hooks" && place[2].utf8.count == 16 && place[2].allSatisfy { $0.isHexDigit }
    }

    /// Node's options without the hooks that a `rx run` put there, which this one is within; the others byte for byte.
    private static func withoutHooks(options: String) -> String {
        let bytes = Array(options.utf8)
        let opening = Array("--require \"".utf8)
        let space = UInt8(ascii: " ")
        var kept: [UInt8] = []
        var at = 0
        while at < bytes.count {
            guard bytes[at...].starts(with: opening) else {
                kept.append(bytes[at])
                at += 1
                continue
            }
            let start = at + opening.count
            var end = start
            while end < bytes.count, bytes[end] != UInt8(ascii: "\"") { end += bytes[end] == UInt8(ascii: "\\") ? 2 : 1 }
            end = min(end, bytes.count)
            let next = min(end + 1, bytes.count)
            if !isOfHooks(String(decoding: bytes[start..<end], as: UTF8.self), node) {
                kept += bytes[at..<next]
                at = next
            } else {
                if kept.last == space { kept.removeLast() }
                at = next < bytes.count && kept.isEmpty && bytes[next] == space ? next + 1 : next
            }
        }
        return String(decoding: kept, as: UTF8.self)
    }
}
