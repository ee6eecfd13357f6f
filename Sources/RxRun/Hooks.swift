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
            let others = path.isEmpty ? [] : path.split(separator: ":", omittingEmptySubsequences: false).filter { $0 != own }
            variables["PYTHONPATH"] = ([Substring(own)] + others).joined(separator: ":")
        }
        if files.contains(Hooks.node) {
            // Read as a shell would: https://nodejs.org/api/cli.html#node_optionsoptions
            let quoted = "\(folder)/\(Hooks.node)".replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            let own = "--require \"\(quoted)\""
            let others = present("NODE_OPTIONS") ?? ""
            variables["NODE_OPTIONS"] = others.contains(own) ? others : others.isEmpty ? own : "\(others) \(own)"
        }
        return variables
    }
}
