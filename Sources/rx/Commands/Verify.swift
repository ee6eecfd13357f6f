import RxClient
import RxModel
import RxPosix
import RxStore

extension Command {
    private static let repair = Option("--repair", nil, "put right what can be: fetch lost content again, make anew what is derived")
    private static let sample = Option("--sample", "N", "hash only N blobs, chosen at random; everything else is checked all the same")

    /// `rx verify`
    static let verify = Command(
        name: "verify", summary: "Check the store for damage, and repair it", arguments: "", count: 0...0,
        details: """
            Compares the catalog with the files, every file with its digest, and all that is derived with what it was made from. Safe at
            any time, also while other processes add, push, pull and collect. What was pulled is fetched from its registry again; what is
            your own, from the configured registries. Exits with 0 when nothing is wrong any more, and with 1 when something is left.
            """,
        options: [repair, sample, .data, .json, .quiet],
        examples: [
            .init("rx verify", "read and check everything"), .init("rx verify --sample 1000", "a quick check"),
            .init("rx verify --repair", "fetch and make anew what is damaged"),
            .init("rx verify --data /srv/rx --json", "a server's store, for a program"),
        ]
    ) { invocation in
        let count = try invocation.number(sample, in: 0...Int.max, default: -1, isGiven: invocation.value(sample) != nil)
        let options = VerifyOptions(sample: count, repairs: invocation.has(repair))
        let report = try Home.client(invocation).verify(options)
        try Output(invocation).print(report.json, report.text(options))
        if !report.isClean { throw DamageLeft() }
    }
}

/// The result was printed already, and is none to be glad of: the program ends with status 1, without more words.
struct DamageLeft: Error {}

extension Invocation {
    /// The value of an option that is a whole number within bounds; nil when it is not given.
    fileprivate func number(_ option: Option, in bounds: ClosedRange<Int>, default standard: Int, isGiven: Bool) throws(UsageError) -> Int?
    {
        let number = try number(option, in: bounds, default: standard)
        return isGiven ? number : nil
    }
}

extension VerifyReport {
    /// Everything for programs.
    var json: JSON {
        .members([
            "clean": .bool(isClean), "blobs": .integer(blobs), "bytes": .integer(bytes), "hashedBlobs": .integer(hashedBlobs),
            "hashedBytes": .integer(hashedBytes), "manifests": .integer(manifests), "tags": .integer(tags),
            "partialCopies": .integer(partialCopies), "found": .integer(found),
            "repaired": .integer(repaired), "findings": .array(findings.map(\.json)),
            "clockAhead": clockAhead.map { .integer($0) },
            "leftovers": .object(
                Dictionary(uniqueKeysWithValues: Leftover.allCases.map { ($0.rawValue, JSON.integer(leftovers[$0] ?? 0)) })),
        ])
    }

    /// The same for people.
    func text(_ options: VerifyOptions) -> String {
        var lines = findings.flatMap(\.lines)
        if found > findings.count { lines.append("and \(Output.number(found - findings.count)) more") }
        let hashed =
            options.sample == nil ? Output.bytes(hashedBytes) : "\(Output.bytes(hashedBytes)) in \(Output.count(hashedBlobs, "blob"))"
        lines.append(
            "Verified: \(Output.count(blobs, "blob")), \(Output.count(manifests, "manifest")), \(Output.count(tags, "tag")); hashed \(hashed)"
        )
        let rest = Leftover.allCases.compactMap { each in leftovers[each].map { "\(Output.number($0)) \(each.words)" } }
        if !rest.isEmpty { lines.append("  Not damage: \(rest.joined(separator: ", "))") }
        if let clockAhead {
            let days = clockAhead / 86_400
            lines.append("  Clock: the store has seen a time \(Output.count(days, "day")) ahead of this machine's, and goes by that")
            lines.append("  to do: set this machine's clock if it is wrong; if not, leases and uploads end late until that time")
        }
        if found == 0 {
            lines.append("No damage found")
        } else {
            lines.append(
                "Damage found: \(Output.number(found)), repaired: \(Output.number(repaired)), left: \(Output.number(found - repaired))")
        }
        return lines.joined(separator: "\n")
    }
}

extension Finding {
    fileprivate var json: JSON {
        .members([
            "kind": .string(kind.rawValue), "message": .string(message), "digest": digest.map { .string($0.description) },
            "path": path.map { .string($0) }, "resources": .array(resources.map { .string($0) }), "repaired": .bool(isRepaired),
            "advice": advice.map { .string($0) },
        ])
    }

    fileprivate var lines: [String] {
        var lines = ["\(isRepaired ? "repaired" : "damaged"): \(Output.visible(message))"]
        if !resources.isEmpty { lines.append("  needed by: \(Output.visible(resources.joined(separator: ", ")))") }
        if let path, !isRepaired { lines.append("  file: \(Output.visible(path))") }
        if let advice { lines.append("  to do: \(Output.visible(advice))") }
        return lines
    }
}

extension Leftover {
    /// What it is, after a number.
    fileprivate var words: String {
        switch self {
        case .orphans: "files without a row"
        case .unfinished: "rows without a file that no resource names"
        case .strangers: "files that are no blobs"
        case .staging: "abandoned staging folders"
        case .trash: "files in trash/"
        case .uploads: "abandoned uploads"
        case .leases: "leases on what is gone"
        case .names: "names of what is gone"
        case .damaged: "damaged files set aside"
        }
    }
}
