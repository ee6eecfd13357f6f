extension Lock {
    /// Reads `rx.lock`; its entries may stand in any order. Throws `LockError` that says which entry is wrong, and how.
    public init(parsing bytes: [UInt8]) throws(LockError) {
        guard bytes.count <= Lock.sizeLimit else { throw LockError("is longer than \(Lock.sizeLimit) bytes") }
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch { throw LockError("is not JSON: \(error)") }
        guard let members = json.object else { throw LockError("is no JSON object") }
        // First, because another version may have anything else.
        guard let version = members["version"]?.int else { throw LockError("has no version") }
        guard version == Lock.version else {
            throw LockError(
                "has version \(version), and this rx reads version \(Lock.version)", hint: "use the rx that wrote it, or a newer one")
        }
        try Lock.check(members, ["version", "resources"], at: "")
        guard let resources = members["resources"]?.array else { throw LockError("has no array \"resources\"") }
        var entries: [Entry] = []
        for (index, value) in resources.enumerated() { entries.append(try Entry(value, at: "resources[\(index)]")) }
        try self.init(entries)
    }

    /// Throws for a key that this version does not have: what is not understood must not be left out when the file is written again.
    fileprivate static func check(_ members: [String: JSON], _ known: Set<String>, at place: String) throws(LockError) {
        guard let unknown = members.keys.filter({ !known.contains($0) }).min() else { return }
        throw LockError("\(place.isEmpty ? "" : "\(place) ")has the unknown key \(quoted(unknown))")
    }
}

extension Lock.Entry {
    init(_ json: JSON, at place: String) throws(LockError) {
        func fail(_ fault: String) -> LockError { LockError("\(place) \(fault)") }
        guard let members = json.object else { throw fail("is no object") }
        try Lock.check(members, ["locator", "manifest", "tree", "provides"], at: place)
        guard let text = members["locator"]?.string else { throw fail("has no locator") }
        let locator: Locator
        do { locator = try Locator(parsing: text) } catch {
            throw fail("has a locator that is none, \(Lock.quoted(text)): \(error.message)")
        }
        if let host = locator.registry {
            throw LockError(
                "\(place) names the registry \(Lock.quoted(host)): \(Lock.quoted(text))",
                hint: "leave the registry out: what is locked may come from any, by its digest")
        }
        guard locator.digestPrefix == nil else { throw fail("has a digest in its locator: \(Lock.quoted(text))") }
        guard text.utf8.elementsEqual(Lock.key(locator).utf8) else {
            throw fail("has its locator not as NAME:TAG: \(Lock.quoted(text)) is written \(Lock.quoted(Lock.key(locator)))")
        }
        func digest(_ key: String) throws(LockError) -> Digest {
            guard let text = members[key]?.string else { throw fail("has no \(key)") }
            guard let digest = Digest(text) else {
                throw fail("has no digest as its \(key), sha256: and 64 lower-case digits, but \(Lock.quoted(text))")
            }
            return digest
        }
        let (manifest, tree) = (try digest("manifest"), try digest("tree"))
        let provides: Provides
        do { provides = try Provides(members["provides"]) } catch { throw fail("is wrong: \(error.message)") }
        self.init(locator: locator, manifest: manifest, tree: tree, provides: provides)
    }
}
