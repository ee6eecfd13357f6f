/// One thing that happens in a round. A schedule is a list of these; with some of them left out it is a schedule still.
package enum Element: Hashable, Sendable {
    /// An actor does something, maybe with a fault in the process that does it, maybe killed after so many milliseconds.
    case step(epoch: Int, actor: Int, Action, fault: Fault?, killedAfter: Int?)
    /// A server has a fault in this epoch.
    case fault(epoch: Int, server: Int, Fault)
    /// A server is killed so many milliseconds after the epoch began.
    case kill(epoch: Int, server: Int, after: Int)
    /// The clock is off by so many seconds for all of an epoch.
    case clock(epoch: Int, seconds: Int)
    /// The epoch ends with the power failing.
    case powerFailure(epoch: Int)
    /// At the end of the epoch, while nothing runs, files of a store are damaged.
    case damage(epoch: Int, store: Int, Damage)
    /// A second server runs on the same data folder in this epoch.
    case secondServer(epoch: Int)
    /// Servers are told to end with the epoch, in place of being killed.
    case politeEnd(epoch: Int)
}

/// What an actor does. Store 0 is the registry's, the others are the homes; actor N works with home N.
package enum Action: Hashable, Sendable {
    /// Adds a version of a resource to the actor's home, and pushes it under a tag.
    case push(resource: Int, tag: Int, version: Int, server: Int, isLong: Bool)
    /// Adds a version to the actor's home, where its tag stands for it then.
    case add(resource: Int, tag: Int, version: Int)
    /// Uploads a version as any OCI client does; `parts` in several requests a blob.
    case upload(resource: Int, tag: Int, version: Int, server: Int, parts: Bool)
    /// Uploads so many small blobs that the registry makes them durable together.
    case uploadMany(version: Int, server: Int)
    /// Uploads one blob of a version and no manifest.
    case uploadBlob(version: Int, server: Int)
    /// Begins to upload a blob of a version, and takes that back.
    case cancelUpload(version: Int, server: Int)
    /// Fetches into the actor's home and a folder.
    case pull(resource: Int, tag: Int, server: Int, into: FolderTarget)
    /// Reads a tag by plain HTTP; `isUpload` for one of those that `upload` puts.
    case read(resource: Int, tag: Int, server: Int, isUpload: Bool)
    /// Writes what the home has to a folder.
    case export(resource: Int, tag: Int, into: FolderTarget)
    /// Removes a tag of the registry, by plain HTTP or by a command on its store.
    case delete(resource: Int, tag: Int, server: Int, isUpload: Bool)
    case remove(resource: Int, tag: Int)
    /// Collects garbage in a store; with a lease time, one shorter than usual.
    case collect(store: Int, lease: Int?)
}

/// What happens to files while nothing runs.
package enum Damage: Hashable, Sendable {
    /// One byte of a blob's file is another; which file and which byte, `pick` says.
    case flippedBlob(pick: Int)
    /// A blob's file is shorter.
    case cutBlob(pick: Int)
    /// What is staged, being received or derived is cut, overwritten or removed: nobody was told that it is there.
    case spoiltLeftover(pick: Int)
}

/// All that happens in a round.
package struct Schedule: Sendable {
    /// The round's number: with the same one, everything is the same but for what the operating system decides.
    package let seed: UInt64
    /// What happens.
    package let elements: [Element]
    /// How many homes there are.
    package let homes: Int
    /// How many times servers are started and ended.
    package let epochs: Int

    static let resources = 2
    static let tags = 2

    /// Makes the schedule of a seed.
    package init(seed: UInt64) {
        var chance = Chance(seed: seed)
        self.seed = seed
        homes = chance.number(1...2)
        epochs = chance.number(1...3)
        var maker = Maker(chance: chance, homes: homes)
        for epoch in 0..<epochs { maker.makeEpoch(epoch) }
        elements = maker.elements
    }

    /// The same schedule without some of its elements.
    package init(_ whole: Schedule, only kept: Set<Int>) {
        seed = whole.seed
        homes = whole.homes
        epochs = whole.epochs
        elements = whole.elements.indices.filter(kept.contains).map { whole.elements[$0] }
    }

    /// Every version that is put, with its content.
    package var contents: [Int: Content] {
        var contents: [Int: Content] = [:]
        for case .step(_, _, let action, _, _) in elements {
            guard let (version, isLong) = action.version else { continue }
            contents[version] = Content(version: version, seed: seed, isLong: isLong)
        }
        return contents
    }
}

extension Action {
    /// The version that it puts, and whether that has a long file.
    var version: (Int, isLong: Bool)? {
        switch self {
        case .push(_, _, let version, _, let isLong): (version, isLong)
        case .add(_, _, let version), .upload(_, _, let version, _, _), .uploadBlob(let version, _), .cancelUpload(let version, _):
            (version, false)
        case .uploadMany: nil
        case .pull, .read, .export, .delete, .remove, .collect: nil
        }
    }
}

/// Draws the elements of a schedule.
private struct Maker {
    var chance: Chance
    let homes: Int
    var elements: [Element] = []
    private var version = 0
    /// The store that the last epoch ended with a damaged blob in.
    private var damaged: Int?

    init(chance: Chance, homes: Int) {
        self.chance = chance
        self.homes = homes
    }

    mutating func makeEpoch(_ epoch: Int) {
        let servers = chance.happens(30) ? 2 : 1
        if servers == 2 { elements.append(.secondServer(epoch: epoch)) }
        // Whoever finds the damage that the epoch before ended with.
        let damaged = self.damaged
        self.damaged = nil
        for server in 0..<servers { makeFaults(epoch, server, findsDamage: damaged == 0) }
        if chance.happens(20) {
            elements.append(.clock(epoch: epoch, seconds: chance.one(of: [-86400, -4000, -1, 1, 1800, 4000, 100_000, 40_000_000])))
        }
        for actor in 0..<homes + chance.number(0...1) {
            if damaged == actor + 1 { elements += finding(epoch, actor) }
            for _ in 0..<chance.number(2...4) { elements.append(step(epoch, actor, servers)) }
        }
        makeFittingFaults(epoch)
        if chance.happens(30) { elements.append(.powerFailure(epoch: epoch)) }
        if chance.happens(15) { elements.append(.politeEnd(epoch: epoch)) }
        if chance.happens(25) {
            let pick = chance.number(0...9999)
            let damage = chance.one(of: [Damage.flippedBlob(pick: pick), .cutBlob(pick: pick), .spoiltLeftover(pick: pick)])
            let store = chance.number(0...homes)
            elements.append(.damage(epoch: epoch, store: store, damage))
            if case .flippedBlob = damage { self.damaged = store }
        }
    }

    private mutating func makeFaults(_ epoch: Int, _ server: Int, findsDamage: Bool) {
        if chance.happens(45) {
            elements.append(.fault(epoch: epoch, server: server, Fault.any(&chance, passages: [1, 1, 2, 3, 5, 8, 20])))
        }
        if chance.happens(20) {
            let fault = Fault.any(&chance, of: FaultPoint.uploading, passages: [1, 1, 2, 3, 5, 8])
            elements.append(.fault(epoch: epoch, server: server, fault))
        }
        if findsDamage, chance.happens(40) {
            elements.append(.fault(epoch: epoch, server: server, Fault.any(&chance, of: FaultPoint.settingAside, passages: [1])))
        }
        if chance.happens(30) { elements.append(.kill(epoch: epoch, server: server, after: chance.number(5...120))) }
    }

    /// Faults at points that a server passes for few of the steps.
    private mutating func makeFittingFaults(_ epoch: Int) {
        for case .step(epoch, _, let action, _, _) in elements {
            let (server, point): (Int, FaultPoint)
            switch action {
            case .uploadMany(_, let number): (server, point) = (number, FaultPoint(.syncfs, .uploads))
            case .cancelUpload(_, let number): (server, point) = (number, FaultPoint(.unlink, .uploads))
            default: continue
            }
            guard chance.happens(60) else { continue }
            elements.append(.fault(epoch: epoch, server: server, Fault.any(&chance, of: [point], passages: [1])))
        }
    }

    /// Reads all that a home has.
    private mutating func finding(_ epoch: Int, _ actor: Int) -> [Element] {
        (0..<Schedule.resources * Schedule.tags).map { number in
            let fault = chance.happens(40) ? Fault.any(&chance, of: FaultPoint.settingAside, passages: [1]) : nil
            let action = Action.export(resource: number / Schedule.tags, tag: number % Schedule.tags, into: .new)
            return .step(epoch: epoch, actor: actor, action, fault: fault, killedAfter: nil)
        }
    }

    private mutating func step(_ epoch: Int, _ actor: Int, _ servers: Int) -> Element {
        // The last actor may be one without a home: it speaks HTTP alone, and collects.
        let action = actor < homes ? any(servers) : homeless(servers)
        // Few collections find anything to delete: those that do are struck there.
        let isCollection = if case .collect = action { true } else { false }
        let points = isCollection ? chance.one(of: [FaultPoint.deleting, FaultPoint.collecting, FaultPoint.named]) : FaultPoint.named
        let fault = chance.happens(isCollection ? 50 : 25) ? Fault.any(&chance, of: points, passages: [1, 1, 2, 3, 4]) : nil
        return .step(
            epoch: epoch, actor: actor, action, fault: fault, killedAfter: chance.happens(12) ? chance.number(1...60) : nil)
    }

    private mutating func newVersion() -> Int {
        version += 1
        return version
    }

    private mutating func any(_ servers: Int) -> Action {
        let (resource, tag) = (chance.number(0...Schedule.resources - 1), chance.number(0...Schedule.tags - 1))
        let server = chance.number(0...servers - 1)
        switch chance.number(0...99) {
        case ..<40:
            return .push(resource: resource, tag: tag, version: newVersion(), server: server, isLong: chance.happens(2))
        case ..<55: return .add(resource: resource, tag: tag, version: newVersion())
        case ..<75: return .pull(resource: resource, tag: tag, server: server, into: FolderTarget(&chance))
        case ..<82: return .export(resource: resource, tag: tag, into: FolderTarget(&chance))
        case ..<92: return .collect(store: chance.number(1...homes), lease: chance.happens(60) ? chance.number(0...2) : nil)
        default: return homeless(servers)
        }
    }

    private mutating func homeless(_ servers: Int) -> Action {
        let (resource, tag) = (chance.number(0...Schedule.resources - 1), chance.number(0...Schedule.tags - 1))
        let server = chance.number(0...servers - 1)
        switch chance.number(0...99) {
        case ..<45: return .upload(resource: resource, tag: tag, version: newVersion(), server: server, parts: chance.happens(40))
        case ..<52: return .uploadBlob(version: newVersion(), server: server)
        case ..<56: return .uploadMany(version: newVersion(), server: server)
        case ..<60: return .cancelUpload(version: newVersion(), server: server)
        case ..<72: return .read(resource: resource, tag: tag, server: server, isUpload: chance.happens(50))
        case ..<80: return .delete(resource: resource, tag: tag, server: server, isUpload: chance.happens(50))
        case ..<84: return .remove(resource: resource, tag: tag)
        default: return .collect(store: 0, lease: chance.happens(60) ? chance.number(0...2) : nil)
        }
    }
}
