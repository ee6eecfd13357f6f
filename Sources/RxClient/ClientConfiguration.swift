public import RxHTTP
public import RxModel
import RxPosix

/// A registry that the user gave a name.
public struct ConfiguredRegistry: Sendable, Equatable {
    /// The user's name for it.
    public let name: String
    /// Its address, as it was given.
    public let url: String

    /// Where it is. Throws `RegistryError` that names the registry when its address is none.
    public var address: RegistryURL {
        get throws(RegistryError) {
            do { return try RegistryURL(parsing: url) } catch {
                throw RegistryError(
                    "Registry \"\(name)\": \(error.message)", code: error.code,
                    hint: "remove it (rx registry remove \(name)) and add it again")
            }
        }
    }
}

/// What `$RX_HOME/config.json` holds: the registries, in the order they are asked, and which is the default. Keys of other
/// programs are kept.
///
/// Source: Specs/09-command-line, configuration rules.
public struct ClientConfiguration: Sendable {
    /// The keys that `rx config` knows.
    public static let keys = ["registry", "transfers", "cache-size"]

    private var members: [String: JSON]
    /// The registries, in the order they are asked.
    public private(set) var registries: [ConfiguredRegistry]
    /// The name of the registry that push and pull use when none is named.
    public private(set) var defaultName: String?

    /// Reads the configuration of a home; an absent file is an empty one. Throws `RegistryError` for a broken file.
    public init(home: String) throws {
        let path = ClientConfiguration.path(home)
        guard try Files.status(path) != nil else {
            try self.init(json: .object([:]))
            return
        }
        let json: JSON
        do { json = try JSON(parsing: try Files.read(path, limit: 1 << 20)) } catch let error as JSONError {
            throw RegistryError("\(path) is not JSON: \(error)", code: .invalidRequest, hint: "mend or delete it")
        }
        try self.init(json: json)
    }

    init(json: JSON) throws {
        guard let members = json.object else {
            throw ClientConfiguration.broken("it must hold an object")
        }
        self.members = members
        guard let entries = (members["registries"] ?? []).array else { throw ClientConfiguration.broken("registries must be an array") }
        registries = try entries.enumerated().map { index, entry in
            guard let name = entry["name"]?.string, !name.isEmpty, let url = entry["url"]?.string else {
                throw ClientConfiguration.broken("registries[\(index)] needs a \"name\" and a \"url\", both texts")
            }
            return ConfiguredRegistry(name: name, url: url)
        }
        defaultName = members["default"]?.string
        guard members["registry"].map({ $0.string != nil }) ?? true else { throw ClientConfiguration.broken("registry must be a text") }
        // What ResourceX wrote: one address, under one key.
        if let url = members["registry"]?.string, !registries.contains(where: { $0.name == "default" }) {
            registries.insert(ConfiguredRegistry(name: "default", url: url), at: 0)
            defaultName = defaultName ?? "default"
        }
    }

    private static func broken(_ reason: String) -> RegistryError {
        RegistryError("config.json: \(reason)", code: .invalidRequest, hint: "mend or delete it")
    }

    /// Where a home's configuration is.
    public static func path(_ home: String) -> String { "\(home)/config.json" }

    /// Writes the configuration in one durable step. Throws `PosixError`.
    func save(home: String) throws {
        try Files.replace(ClientConfiguration.path(home), with: Array((json.pretty + "\n").utf8), mode: 0o600)
    }

    /// Reads the configuration, changes it and writes it back, one process at a time; gives the new one.
    @discardableResult
    public static func update(home: String, _ change: (inout ClientConfiguration) throws -> Void) throws -> ClientConfiguration {
        try Files.makeFolders(home)
        return try Files.locked("\(home)/config.lock") {
            var configuration = try ClientConfiguration(home: home)
            try change(&configuration)
            try configuration.save(home: home)
            return configuration
        }
    }

    private var json: JSON {
        var members = members
        members["registry"] = nil
        members["registries"] = .array(registries.map { .members(["name": .string($0.name), "url": .string($0.url)]) })
        members["default"] = defaultName.map { .string($0) }
        return .object(members)
    }

    /// The default registry, when there is one.
    public var defaultRegistry: ConfiguredRegistry? { registries.first { $0.name == defaultName } ?? registries.first }

    /// The registry of this name.
    public func registry(named name: String) -> ConfiguredRegistry? { registries.first { $0.name == name } }

    /// Adds a registry; the first becomes the default. Throws `RegistryError` for a name that is empty or taken, and for an address
    /// that is none.
    public mutating func add(_ name: String, url: String) throws(RegistryError) {
        guard !name.isEmpty else {
            throw RegistryError("A registry's name must not be empty", code: .invalidRequest, hint: "rx registry add <name> <url>")
        }
        guard registry(named: name) == nil else {
            throw RegistryError(
                "Registry \"\(name)\" already exists", code: .invalidRequest, hint: "remove it first: rx registry remove \(name)")
        }
        _ = try RegistryURL(parsing: url)
        registries.append(ConfiguredRegistry(name: name, url: url))
        if defaultName == nil { defaultName = name }
    }

    /// Makes a registry the default. Throws `RegistryError` for an unknown name.
    public mutating func setDefault(_ name: String) throws(RegistryError) {
        try require(name)
        defaultName = name
    }

    /// Forgets a registry; the first one left becomes the default when it was that. Throws `RegistryError` for an unknown name.
    public mutating func remove(_ name: String) throws(RegistryError) {
        try require(name)
        registries.removeAll { $0.name == name }
        if defaultName == name { defaultName = registries.first?.name }
    }

    /// How many transfers with one registry run at once, when it is not busy. Throws `RegistryError` for what is no such number.
    public var transfers: Int {
        get throws(RegistryError) {
            guard let written = members["transfers"] else { return TransferGate.standard }
            guard let number = written.int, 1...TransferGate.most ~= number else {
                throw ClientConfiguration.broken("transfers must be a number from 1 to \(TransferGate.most)")
            }
            return number
        }
    }

    /// How many bytes copies from registries may take that nothing else needs; nil for any number. Throws `RegistryError` for what is no
    /// such number.
    public var cacheSize: Int? {
        get throws(RegistryError) {
            guard let written = members["cache-size"] else { return nil }
            guard let bytes = written.int ?? written.string.flatMap({ ByteCount.bytes($0) }), bytes >= 0 else {
                throw ClientConfiguration.broken("cache-size must be a number of bytes such as \"10GiB\"")
            }
            return bytes
        }
    }

    /// The value of a key of `keys`; nil when it is not set. Throws `RegistryError` for another key.
    public func value(of key: String) throws(RegistryError) -> String? {
        try check(key)
        if key == "transfers" { return members[key] == nil ? nil : String(try transfers) }
        if key == "cache-size" { return try cacheSize.map { members[key]?.string ?? String($0) } }
        return defaultRegistry?.url
    }

    /// Sets a key of `keys`. `registry` sets the address of the registry named `default` and makes it the default. Throws
    /// `RegistryError` for another key, for an address that is none, and for what `transfers` or `cache-size`
    /// cannot be.
    public mutating func set(_ key: String, to value: String) throws(RegistryError) {
        try check(key)
        if key == "transfers" {
            guard let number = Int(value), 1...TransferGate.most ~= number else {
                throw RegistryError(
                    "transfers must be a number from 1 to \(TransferGate.most), not \(value)", code: .invalidRequest,
                    hint: "how many blobs move at once; \(TransferGate.standard) when it is not set")
            }
            members[key] = .integer(number)
            return
        }
        if key == "cache-size" {
            guard value == "none" || ByteCount.bytes(value) != nil else {
                throw RegistryError(
                    "cache-size must be a number of bytes such as 10GiB, or none, not \(value)", code: .invalidRequest,
                    hint: "what copies from registries may take; any number when it is not set")
            }
            members[key] = value == "none" ? nil : .string(value)
            return
        }
        _ = try RegistryURL(parsing: value)
        let entry = ConfiguredRegistry(name: "default", url: value)
        if let index = registries.firstIndex(where: { $0.name == "default" }) {
            registries[index] = entry
        } else {
            registries.insert(entry, at: 0)
        }
        defaultName = "default"
    }

    private func check(_ key: String) throws(RegistryError) {
        guard ClientConfiguration.keys.contains(key) else {
            throw RegistryError(
                "Invalid key: \(key). Valid keys: \(ClientConfiguration.keys.joined(separator: ", "))", code: .invalidRequest)
        }
    }

    private func require(_ name: String) throws(RegistryError) {
        guard registry(named: name) == nil else { return }
        let names = registries.map(\.name).joined(separator: ", ")
        throw RegistryError(
            "Registry \"\(name)\" not found", code: .notFound,
            hint: names.isEmpty ? "add one: rx registry add <name> <url>" : "known: \(names)")
    }
}
