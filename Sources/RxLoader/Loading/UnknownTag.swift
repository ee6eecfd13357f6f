package import RxModel

/// What to say of a tag that was never asked for here, while nobody can be asked. What it means is not guessed: what is here of the name may be
/// something else. Source: Specs/15-loader, LOD-063.
package enum UnknownTag {
    /// The most digests that are named.
    package static let limit = 3

    /// What to do about it, where contents of the name are here; nil where none is.
    package static func advice(_ locator: Locator, _ contents: [Digest]) -> String? {
        guard !contents.isEmpty else { return nil }
        let names = contents.prefix(limit).map { "\(locator.tagged(Locator.latest).pinned(to: $0))" }
        return "here is \(names.joined(separator: ", ")): ask for that by its digest, if it is what you mean"
    }
}
