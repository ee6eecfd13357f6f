import RxModel

/// Decides what a negotiated pull does next, once it is known what the resource is. Performs no input or output itself.
///
/// What is not here comes by one request, or by few side by side; what has come stays when the rest does not.
/// Source: Specs/12-transfer, "Client".
struct PullMachine: Equatable {
    /// What to do.
    enum Action: Equatable {
        /// Look which of the blobs are here.
        case look
        /// Fetch these blobs.
        case fetch(Freight)
        /// Make the resource visible.
        case commit
        /// The copy that is here is what the registry has, and is whole.
        case keep
    }

    private let isCurrent: Bool
    private let largeAlone: Bool
    private var missing: [FreightItem] = []

    /// `isCurrent`: the registry has what is here already, so that only what was lost of it has to come. `largeAlone`: the repository is
    /// one that `/v2/` can name.
    init(isCurrent: Bool, largeAlone: Bool = true) {
        self.isCurrent = isCurrent
        self.largeAlone = largeAlone
    }

    /// The first thing to do.
    func start() -> Action { .look }

    /// Of the blobs these are not here; each digest once.
    mutating func looked(missing items: [FreightItem]) -> Action {
        missing = items.sorted { $0.position < $1.position }
        return next
    }

    /// These have come; what was asked for beside them has not. Nil when a registry that did not break off sends nothing of what is missing.
    mutating func received(_ digests: some Sequence<Digest>, brokeOff: Bool) -> Action? {
        let before = missing.count
        let received = Set(digests)
        missing.removeAll { received.contains($0.digest) }
        return brokeOff || missing.count < before ? next : nil
    }

    private var next: Action {
        guard missing.isEmpty else {
            return .fetch(Freight(missing, largeAlone: largeAlone))
        }
        return isCurrent ? .keep : .commit
    }
}
