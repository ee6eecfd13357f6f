package import RxClient
package import RxModel

/// Which modules and resources a program may get. It is asked before anything else is: what it does not allow is never spoken of to anybody.
///
/// Source: Specs/17-run, "Policy".
package struct ModulePolicy: Sendable {
    /// What it says of a module or resource.
    package enum Decision: Sendable, Equatable {
        /// This content, from wherever it comes.
        case locked(Lock.Entry)
        /// Whatever has the name.
        case allowed
        /// Only what provides it among these resources, which were named themselves.
        case named([Locator])
        /// Nothing.
        case refused
    }

    /// The resources that are locked; nil without a lock.
    package let lock: Lock?
    /// The lock's file, for messages.
    package let lockFile: String?
    /// The patterns of what is allowed beyond the lock.
    package let patterns: [AllowPattern]

    /// Makes a policy.
    package init(lock: Lock?, lockFile: String?, patterns: [AllowPattern]) {
        self.lock = lock
        self.lockFile = lockFile
        self.patterns = patterns
    }

    /// What may be done about a module.
    package func decide(_ module: ModuleName) -> Decision {
        if let entry = lock?.entry(providing: module) { return .locked(entry) }
        if patterns.contains(where: { $0.matches(module) }) { return .allowed }
        let named = patterns.compactMap(\.locator)
        return named.isEmpty ? .refused : .named(named)
    }

    /// The resources that this run names itself, in order: what was found out under another choice says nothing of this one.
    var choice: String { patterns.compactMap { $0.locator?.description }.joined(separator: " ") }

    /// Whether a module may be a resource that is not locked.
    func mayBe(_ module: ModuleName, _ locator: Locator) -> Bool {
        switch decide(module) {
        case .allowed: true
        case .named: allows(resource: locator.at(registry: nil))
        case .locked, .refused: false
        }
    }

    /// What may be done about a resource that is named itself.
    package func decide(_ locator: Locator) -> Decision {
        if let entry = lock?.entry(of: locator) { return .locked(entry) }
        // A locked name never means anything else than what is locked.
        let isLocked = lock?.entries.contains { $0.locator.repository.utf8.elementsEqual(locator.repository.utf8) } ?? false
        return !isLocked && allows(resource: locator) ? .allowed : .refused
    }

    /// Whether a pattern names a resource, by its name alone or with its tag.
    package func allows(resource: Locator) -> Bool {
        resource.registry == nil && patterns.contains { $0.matches(resource: resource) }
    }

    /// The one of several resources that is meant: one that an `--allow` names, or the only one. An `--allow` that is the module's own name does
    /// not say which: anybody may give a resource that name. Throws `RegistryError` when there is none, or no reason to prefer one.
    package func choose(among providers: [Provider], for module: ModuleName) throws(RegistryError) -> Provider {
        let names = Set(patterns.filter { ![module.name, module.description].contains($0.text) }.compactMap { $0.locator?.repository })
        let named = providers.filter { names.contains($0.locator.repository) }
        let candidates = named.isEmpty ? providers : named
        guard let first = candidates.first else {
            throw RegistryError(
                "No resource provides \(module)", code: .resourceNotFound,
                hint: "a resource says what it provides in its definition; rx search \(module.name) shows what has the name")
        }
        if candidates.count == 1 { return first }
        let list = candidates.prefix(10).map { $0.locator.repository }.joined(separator: ", ")
        throw RegistryError(
            "\(candidates.count) resources provide \(module): \(list)", code: .moduleAmbiguous,
            hint: "say which one with --allow, by its name and tag, such as --allow \(first.locator.repository):\(first.locator.tag)")
    }

    /// The error for what is refused.
    package func refusal(of what: String, allow: String) -> RegistryError {
        let reason =
            if let lockFile { "\(lockFile) does not have it\(patterns.isEmpty ? "" : ", and no --allow matches it")" } else {
                patterns.isEmpty ? "there is no rx.lock, and nothing is allowed" : "no --allow matches it"
            }
        return RegistryError(
            "\(what) is not allowed: \(reason)", code: .moduleRefused,
            hint: "rx run --allow '\(allow)' --record -- COMMAND allows it, and writes it into \(lockFile ?? Lock.fileName)")
    }
}

/// One `--allow`: a pattern with `*` for any text, for the names of modules (`acme_*`), of modules of one language (`python:*`), and of
/// resources (`acme/*`, `acme/tools:1.2.0`).
package struct AllowPattern: Sendable, Equatable {
    /// As it was written.
    package let text: String
    /// The resource that it names, when it has no `*`.
    package let locator: Locator?

    /// Reads a pattern. Throws `RegistryError` for an empty one, and for one that holds what no name does.
    package init(parsing text: String) throws(RegistryError) {
        guard !text.isEmpty, text.utf8.count <= 512, text.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value != 0x7F }) else {
            throw RegistryError(
                "\(JSON.string(text).text) is no pattern for --allow", code: .invalidRequest,
                hint: "write a name, such as acme_tools, python:acme_tools or acme/tools, with * for any text")
        }
        self.text = text
        let bare = text.utf8.contains(UInt8(ascii: "*")) ? nil : try? Locator(parsing: text)
        locator = bare.flatMap { $0.registry == nil && $0.digestPrefix == nil ? $0 : nil }
    }

    /// Whether it is the module's name, alone or behind its language, or that of the resource it would be looked for under.
    package func matches(_ module: ModuleName) -> Bool {
        matches(module.name) || matches(module.description) || module.namesake.map { matches($0.repository) } ?? false
    }

    /// Whether it is the resource's name, alone or with its tag.
    package func matches(resource: Locator) -> Bool {
        matches(resource.repository) || matches("\(resource.repository):\(resource.tag)")
    }

    /// Whether the whole of a text is the pattern's. Going back to the last `*` alone is enough.
    private func matches(_ name: String) -> Bool {
        let (pattern, name) = (Array(text.utf8), Array(name.utf8))
        var (at, place) = (0, 0)
        var star: (at: Int, place: Int)?
        while place < name.count {
            if at < pattern.count, pattern[at] == UInt8(ascii: "*") {
                at += 1
                star = (at, place)
            } else if at < pattern.count, pattern[at] == name[place] {
                at += 1
                place += 1
            } else if let last = star {
                star = (last.at, last.place + 1)
                (at, place) = (last.at, last.place + 1)
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}

extension ErrorCode {
    /// A program asks for what its policy does not allow.
    package static let moduleRefused = ErrorCode(wire: "MODULE_REFUSED", status: 403)
    /// Several resources provide what a program asks for.
    package static let moduleAmbiguous = ErrorCode(wire: "MODULE_AMBIGUOUS", status: 409)
}
