public import RxModel
import RxPosix

/// Working folders that stand in for a resource: `rx ingest NAME:TAG` reads the folder as it is now.
///
/// Kept in `$RX_HOME/links.json`: an object of locator texts and absolute folder paths.
public struct LinkTable: Sendable {
    private let home: String
    private var path: String { "\(home)/links.json" }
    /// The folder of each linked locator.
    public private(set) var folders: [String: String]

    /// Reads the links of a home. Throws `RegistryError` for a broken file.
    public init(home: String) throws {
        self.home = home
        let path = "\(home)/links.json"
        guard try Files.status(path) != nil else {
            folders = [:]
            return
        }
        guard let members = try? JSON(parsing: try Files.read(path, limit: 16 << 20)).object else {
            throw RegistryError("\(path) is not a JSON object", code: .invalidRequest, hint: "mend or delete it")
        }
        folders = members.compactMapValues(\.string)
    }

    /// The folder that a bare locator is linked to.
    public func folder(for locator: Locator) -> String? {
        locator.registry == nil && locator.digestPrefix == nil ? folders[locator.description] : nil
    }

    /// Links a locator to a folder.
    public mutating func link(_ locator: Locator, to folder: String) throws {
        try change { $0[locator.description] = folder }
    }

    /// Ends a link. Throws `RegistryError` when there is none.
    public mutating func unlink(_ locator: Locator) throws {
        try change { folders in
            guard folders.removeValue(forKey: locator.description) != nil else {
                let others = folders.keys.sorted().joined(separator: ", ")
                throw RegistryError("Not linked: \(locator)", code: .notFound, hint: others.isEmpty ? nil : "linked: \(others)")
            }
        }
    }

    /// Reads the file again, changes it and writes it back, one process at a time.
    private mutating func change(_ body: (inout [String: String]) throws -> Void) throws {
        try Files.locked("\(home)/config.lock") {
            self = try LinkTable(home: home)
            try body(&folders)
            try save()
        }
    }

    private func save() throws { try Files.replace(path, with: Array((JSON.object(folders.mapValues { .string($0) }).pretty + "\n").utf8)) }
}
