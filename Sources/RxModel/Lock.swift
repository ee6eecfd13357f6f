/// The resources that a program may use, each at one content: the file `rx.lock`.
///
/// It holds no host and no credential: what it names may come from any registry, because its digest says what it is. The same set of
/// entries gives the same bytes. Source: Specs/16-lock.
public struct Lock: Sendable, Equatable {
    /// The file's usual name.
    public static let fileName = "rx.lock"
    /// The version of the format that this program reads and writes.
    public static let version = 1
    /// The most entries.
    public static let entryLimit = 100_000
    /// The longest file, in bytes.
    public static let sizeLimit = 64 << 20

    /// One resource.
    public struct Entry: Sendable, Equatable {
        /// Its name and tag, without registry and digest.
        public let locator: Locator
        /// The SHA-256 of its manifest's bytes.
        public let manifest: Digest
        /// Its tree digest.
        public let tree: Digest
        /// The modules that its definition says it provides.
        public let provides: Provides

        /// Describes an entry; a registry and a digest of the locator are left out.
        public init(locator: Locator, manifest: Digest, tree: Digest, provides: Provides = Provides()) {
            self.locator = locator.at(registry: nil).tagged(locator.tag)
            self.manifest = manifest
            self.tree = tree
            self.provides = provides
        }

        /// The locator with the manifest's digest: what it means wherever it is asked for.
        public var pinned: Locator { locator.pinned(to: manifest) }

        /// The same content under another tag of its name.
        public func tagged(_ tag: String) -> Entry {
            Entry(locator: locator.tagged(tag), manifest: manifest, tree: tree, provides: provides)
        }
    }

    /// Sorted by the bytes of their locators.
    public let entries: [Entry]
    private let modules: [ModuleName: Int]
    private let names: [String: Int]
    private let manifests: [Digest: Int]

    /// No entry.
    public init() { (entries, modules, names, manifests) = ([], [:], [:], [:]) }

    /// Puts entries in order. Throws `LockError` for a locator that is there twice, and for two entries that provide one module, unless they are
    /// one manifest under two tags.
    public init(_ entries: [Entry]) throws(LockError) {
        guard entries.count <= Lock.entryLimit else { throw LockError("holds more than \(Lock.entryLimit) resources") }
        let keyed = entries.map { (key: Lock.key($0.locator), entry: $0) }
        let sorted = keyed.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        for (one, next) in zip(sorted, sorted.dropFirst()) where one.key.utf8.elementsEqual(next.key.utf8) {
            throw LockError("\(Lock.quoted(one.key)) is there twice")
        }
        self.entries = sorted.map(\.entry)
        var modules: [ModuleName: Int] = [:]
        var names: [String: Int] = [:]
        for (index, (key, entry)) in sorted.enumerated() {
            for module in entry.provides.names {
                guard let other = modules[module], !sorted[other].entry.isSame(as: entry) else {
                    modules[module] = modules[module] ?? index
                    continue
                }
                throw LockError("\(Lock.quoted(sorted[other].key)) and \(Lock.quoted(key)) both provide \(Lock.quoted(module.description))")
            }
            guard entry.provides.isEmpty else { continue }
            guard let other = names[entry.locator.repository], !sorted[other].entry.isSame(as: entry) else {
                names[entry.locator.repository] = names[entry.locator.repository] ?? index
                continue
            }
            throw LockError(
                "\(Lock.quoted(sorted[other].key)) and \(Lock.quoted(key)) both provide what is called \(Lock.quoted(entry.locator.repository))"
            )
        }
        self.modules = modules
        self.names = names
        manifests = Dictionary(sorted.enumerated().map { ($1.entry.manifest, $0) }) { first, _ in first }
    }

    /// The entry that provides a module: the one whose `provides` names it, else the one without `provides` whose resource has its name.
    public func entry(providing module: ModuleName) -> Entry? {
        if let index = modules[module] { return entries[index] }
        return module.namesake.flatMap { names[$0.repository] }.map { entries[$0] }
    }

    /// The first entry of a manifest.
    public func entry(manifest: Digest) -> Entry? { manifests[manifest].map { entries[$0] } }

    /// The entry that a locator means: with a digest, maybe a shortened one, the one of that manifest or tree, with a tag the one of that name and tag, without
    /// either the only one of that name.
    public func entry(of locator: Locator) -> Entry? {
        let sameName = entries.filter { $0.locator.repository.utf8.elementsEqual(locator.repository.utf8) }
        if let digest = locator.digest { return sameName.first { $0.manifest == digest || $0.tree == digest } }
        if let prefix = locator.digestPrefix {
            let meant = sameName.filter { $0.manifest.hex.hasPrefix(prefix) || $0.tree.hex.hasPrefix(prefix) }
            return meant.count == 1 ? meant[0] : nil
        }
        if let exact = sameName.first(where: { $0.locator.tag == locator.tag }) { return exact }
        return locator.tag == Locator.latest && sameName.count == 1 ? sameName[0] : nil
    }

    /// The same with other entries added; each replaces those of its own name that it cannot be beside. What is locked stays what it is: throws
    /// `LockError` for one that provides a module which an entry of another name provides here.
    public func merging(_ others: [Entry]) throws(LockError) -> Lock {
        for other in others {
            for module in other.provides.names {
                guard let present = entry(providing: module), !present.isNamed(like: other) else { continue }
                let (mine, theirs) = (Lock.quoted(Lock.key(present.locator)), Lock.quoted(Lock.key(other.locator)))
                throw LockError(
                    "has \(Lock.quoted(module.description)) from \(mine), and \(theirs), which is to be added, provides it, too",
                    hint: "do without \(theirs), or take \(mine) out of the lock when the other is meant, and record again")
            }
        }
        let added = Dictionary(grouping: others, by: \.locator.repository)
        return try Lock(entries.filter { entry in !(added[entry.locator.repository] ?? []).contains { entry.isInTheWay(of: $0) } } + others)
    }

    /// The file's one text.
    public var text: String {
        JSON.object(["version": .integer(Lock.version), "resources": .array(entries.map(\.json))]).pretty + "\n"
    }

    static func quoted(_ text: String) -> String { JSON.string(text).text }

    /// A locator as the file writes it: always with its tag.
    static func key(_ locator: Locator) -> String { "\(locator.repository):\(locator.tag)" }
}

extension Lock.Entry {
    fileprivate var json: JSON {
        .members([
            "locator": .string(Lock.key(locator)), "manifest": .string(manifest.description), "tree": .string(tree.description),
            "provides": provides.isEmpty ? nil : provides.json,
        ])
    }

    fileprivate func isNamed(like other: Lock.Entry) -> Bool {
        locator.repository.utf8.elementsEqual(other.locator.repository.utf8)
    }

    /// Whether both are one manifest of one name.
    fileprivate func isSame(as other: Lock.Entry) -> Bool { manifest == other.manifest && isNamed(like: other) }

    fileprivate func isInTheWay(of other: Lock.Entry) -> Bool {
        guard isNamed(like: other) else { return false }
        if isSame(as: other) { return locator.tag == other.locator.tag }
        if locator.tag == other.locator.tag || provides.isEmpty && other.provides.isEmpty { return true }
        return !Set(provides.names).isDisjoint(with: other.provides.names)
    }
}

/// A text that is no lock. Source: Specs/16-lock.
public struct LockError: ResourceError, Equatable {
    public let code = ErrorCode.invalidRequest
    public let message: String
    public let hint: String?

    /// Makes the error; `fault` goes on from "the lock ".
    init(_ fault: String, hint: String? = nil) {
        message = "the lock \(fault)"
        self.hint = hint
    }
}
