import RxProtocol

/// Decides what a negotiated push asks next, by what was answered. Performs no input or output itself.
///
/// What is unchanged costs one question; what is small goes in one request; of everything else the manifest goes first, and the registry
/// says what it lacks. Whatever is lost on the way, the next question is the same: what is missing now? Source: Specs/12-transfer, "Client".
struct PushMachine: Equatable {
    /// What to do.
    enum Action: Equatable {
        /// Send the manifest and every blob, and commit.
        case sendAll
        /// Ask for the commit, with the manifest in the stream or not.
        case ask(manifest: Bool)
        /// Send these blobs in one stream, and commit.
        case finish([FreightItem])
        /// Send these blobs.
        case move(Freight)
        /// The registry has it.
        case done

        /// Whether most of what it sends are blobs, which stay with the registry when they are whole.
        var sendsBlobs: Bool {
            switch self {
            case .sendAll, .finish, .move: true
            case .ask, .done: false
            }
        }
    }

    /// How often the same may be missing after it was sent.
    private static let attempts = 3

    private let isNoted: Bool
    private let isSmall: Bool
    private let largeAlone: Bool
    /// Whether the registry has the manifest among its blobs.
    private var hasManifest = false
    private var fewest = Int.max
    private var fruitless = 0
    /// Whether what was sent last may not have arrived.
    private var isLost = false

    /// `isNoted`: this registry had this manifest under this tag when it was last pushed to. `isSmall`: all of it fits into one request.
    /// `largeAlone`: the repository is one that `/v2/` can name.
    init(isNoted: Bool, isSmall: Bool, largeAlone: Bool = true) {
        self.isNoted = isNoted
        self.isSmall = isSmall
        self.largeAlone = largeAlone
    }

    /// The first thing to do.
    func start() -> Action { isNoted ? .ask(manifest: false) : first }

    private var first: Action { isSmall ? .sendAll : .ask(manifest: true) }

    /// Whether the registry lacks fewer than ever before.
    func isNearer(_ missing: [FreightItem]) -> Bool { missing.count < fewest }

    /// The registry lacks these, in the order of the manifest. Nil when sending them does not help.
    mutating func pending(_ missing: [FreightItem]) -> Action? {
        hasManifest = true
        if isNearer(missing) {
            (fewest, fruitless) = (missing.count, 0)
        } else if !isLost {
            fruitless += 1
            guard fruitless < PushMachine.attempts else { return nil }
        }
        isLost = false
        let freight = Freight(missing, largeAlone: largeAlone)
        return freight.single.map { .finish($0) } ?? .move(freight)
    }

    /// What was to move has moved.
    func moved() -> Action { .ask(manifest: false) }

    /// The registry does not have the manifest that the commit names. Nil when it was in the stream.
    mutating func manifestUnknown(after action: Action) -> Action? {
        switch action {
        case .ask(manifest: false), .finish:
            guard hasManifest || isNoted else { return nil }
            defer { hasManifest = false }
            // A registry that was asked by a note alone has not got anything yet.
            return hasManifest ? .ask(manifest: true) : first
        default: return nil
        }
    }

    /// The connection was lost, or the registry was busy: that is no refusal, and how often it may happen is for others to say.
    mutating func lost() -> Action {
        isLost = true
        return hasManifest ? .ask(manifest: false) : first
    }
}
