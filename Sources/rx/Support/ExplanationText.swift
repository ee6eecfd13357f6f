import RxModel
import RxStore

extension Explanation {
    /// One paragraph for each thing that has the digest; each line is why the one above it, which is indented less, stays or goes.
    var words: String { parts.map { $0.words(digest) }.joined(separator: "\n") }

    /// The same for programs.
    var json: JSON { .members(["digest": .string(digest.description), "parts": .array(parts.map(\.json))]) }
}

extension Explanation.Part {
    fileprivate func words(_ digest: Digest) -> String {
        let end = stays ? "stays" : "goes"
        var lines: [String]
        switch subject {
        case .blob(let size): lines = ["blob \(digest) (\(Output.bytes(size))) \(end):"]
        case .manifest(let place): lines = ["manifest \(digest) of \(place.repositoryText) \(end):"]
        case .partialCopy(let place): lines = ["manifest \(digest) of \(place.repositoryText), of which some files are here, \(end):"]
        case .file: lines = ["file \(digest) \(end):"]
        }
        for reason in reasons { lines += reason.lines(1) }
        if more > 0 { lines.append("  and \(Output.number(more)) more") }
        lines += notes.map { "  \($0.words)" }
        return lines.joined(separator: "\n")
    }

    fileprivate var json: JSON {
        var members: [String: JSON] = ["stays": .bool(stays), "reasons": .array(reasons.map(\.json))]
        switch subject {
        case .blob(let size): members.merge(["kind": "blob", "size": .integer(size)]) { $1 }
        case .manifest(let place):
            members["kind"] = "manifest"
            members.merge(place.json) { $1 }
        case .partialCopy(let place):
            members["kind"] = "partial-copy"
            members.merge(place.json) { $1 }
        case .file: members["kind"] = "file"
        }
        if more > 0 { members["more"] = .integer(more) }
        if !notes.isEmpty { members["notes"] = .array(notes.map { .string($0.rawValue) }) }
        return .object(members)
    }
}

extension Explanation.Note {
    fileprivate var words: String {
        switch self {
        case .orphan: "the catalog has no row of this file"
        case .fresh: "the catalog has its bytes, too, until its file is durable"
        case .missing: "its file is missing or has another length: putting the same content again repairs that"
        case .damaged: "a damaged file of it was set aside"
        case .trash: "a collection is deleting a file of it"
        }
    }
}

extension Reason {
    /// Indented under what it explains, with what explains it below.
    fileprivate func lines(_ depth: Int) -> [String] {
        [String(repeating: "  ", count: depth) + words] + because.flatMap { $0.lines(depth + 1) }
    }

    private var words: String {
        switch kind {
        case .tag(let reference): "tag \(reference) names it"
        case .pin(let since): "it is pinned since \(Output.time(since))"
        case .byDigest: "it was put by its digest, and has had neither tag, index nor subject since"
        case .untagged(let since): "it has no tag\(since.map { " since \(Output.time($0))" } ?? ""), and such manifests stay"
        case .reading(let until): "an operation reads it, until \(Output.time(until)) at most"
        case .operation(let until): "an operation leases it, until \(Output.time(until)) at most"
        case .repository(let name, let until): "repository \(name) leases it until \(Output.time(until))"
        case .named(let place): "manifest \(place) names it"
        case .kept(let place): "\(place), of which some files are here, keeps it"
        case .used(let time): "it was used at \(Output.time(time)): rx cache prune or clear lets it go"
        case .listed(let place): "index \(place) lists it"
        case .refers(let place): "it refers to \(place)"
        case .expired(let tag): "tag \(tag.reference) names it, and retention rule \(tag.rule) removes that: \(tag.reason)"
        case .ended(let until): "a lease on it was over at \(Output.time(until))"
        case .nothing: "nothing keeps it"
        }
    }

    fileprivate var json: JSON {
        var members: [String: JSON]
        switch kind {
        case .tag(let reference): members = ["reason": "tag", "locator": .string(reference.description)]
        case .pin(let since): members = ["reason": "pin", "since": .string(Output.time(since))]
        case .byDigest: members = ["reason": "put-by-digest"]
        case .untagged(let since):
            members = ["reason": "untagged"]
            members["since"] = since.map { .string(Output.time($0)) }
        case .reading(let until): members = ["reason": "read", "until": .string(Output.time(until))]
        case .operation(let until): members = ["reason": "lease", "until": .string(Output.time(until))]
        case .repository(let name, let until):
            members = ["reason": "repository-lease", "repository": .string(name), "until": .string(Output.time(until))]
        case .named(let place): members = place.json.merging(["reason": "named-by-manifest"]) { $1 }
        case .kept(let place): members = place.json.merging(["reason": "kept-by-partial-copy"]) { $1 }
        case .used(let time): members = ["reason": "used", "at": .string(Output.time(time))]
        case .listed(let place): members = place.json.merging(["reason": "listed-by-index"]) { $1 }
        case .refers(let place): members = place.json.merging(["reason": "refers-to"]) { $1 }
        case .expired(let tag): members = (tag.json.object ?? [:]).merging(["why": .string(tag.reason), "reason": "expired-tag"]) { $1 }
        case .ended(let until): members = ["reason": "lease-over", "until": .string(Output.time(until))]
        case .nothing: members = ["reason": "nothing"]
        }
        if !because.isEmpty { members["because"] = .array(because.map(\.json)) }
        return .object(members)
    }
}

extension ManifestPlace {
    fileprivate var json: [String: JSON] {
        var members: [String: JSON] = ["repository": .string(repository), "manifestDigest": .string(digest.description)]
        if !registry.isEmpty { members["registry"] = .string(registry) }
        return members
    }
}
