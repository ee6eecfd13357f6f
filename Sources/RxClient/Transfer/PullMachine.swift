import RxModel

/// Decides what a negotiated pull does next, by what it learned. Performs no input or output itself.
///
/// One question tells what the resource is, one request brings what is not here. What has come stays when the rest does not.
/// Source: Specs/12-transfer, "Client".
struct PullMachine: Equatable {
    /// What to do.
    enum Action: Equatable {
        /// Ask what the registry has, unless it is still this.
        case describe(unless: Digest?)
        /// Look which of the blobs are here.
        case look
        /// Fetch these blobs.
        case fetch(Freight)
        /// Make the resource visible.
        case commit
        /// The copy that is here is what the registry has.
        case keep
    }

    private let copy: Digest?
    private let largeAlone: Bool
    private var isCurrent = false
    private var missing: [Digest: FreightItem] = [:]

    /// `copy` is the manifest that is here under the name. `largeAlone`: the repository is one that `/v2/` can name.
    init(copy: Digest?, largeAlone: Bool = true) {
        self.copy = copy
        self.largeAlone = largeAlone
    }

    /// The first thing to do.
    func start() -> Action { .describe(unless: copy) }

    /// The registry has what is here already: what may have been lost of it is looked for all the same.
    mutating func unchanged() -> Action {
        isCurrent = true
        return .look
    }

    /// The registry has told what it has, and it is good.
    func described() -> Action { .look }

    /// Of the blobs these are not here.
    mutating func looked(missing items: [FreightItem]) -> Action {
        missing = Dictionary(items.map { ($0.digest, $0) }) { first, _ in first }
        return next
    }

    /// These have come.
    mutating func received(_ digests: some Sequence<Digest>) -> Action {
        for each in digests { missing[each] = nil }
        return next
    }

    private var next: Action {
        guard missing.isEmpty else { return .fetch(Freight(missing.values.sorted { $0.position < $1.position }, largeAlone: largeAlone)) }
        return isCurrent ? .keep : .commit
    }
}
