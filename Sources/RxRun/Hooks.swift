import Glibc
import RxCrypto
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

    /// Writes the files to `HOME/cache/hooks/<digest of them>`, unless they are there. Throws `PosixError`.
    package init(_ files: [HookFile], home: String) throws {
        let sorted = files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        let list = sorted.map { "\($0.path)\n\(sha256($0.bytes))\n" }.joined()
        let above = "\(try Files.realPath(home))/cache/hooks"
        let folder = "\(above)/\(sha256(Array(list.utf8)).hex)"
        self.folder = folder
        self.files = Set(files.map(\.path))
        for file in sorted {
            let path = "\(folder)/\(file.path)"
            if let status = try Files.status(path), status.isRegular, Int(status.st_size) == file.bytes.count { continue }
            try Files.makeFolders(Files.folder(of: path))
            try Files.replace(path, with: file.bytes)
        }
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
