import RxPosix

/// When a collection is, and what is over for it; in seconds since 1970.
struct CollectionTimes {
    /// The newest time that the store has seen.
    let now: Int
    /// What ages count from: this machine's time where that is earlier. A clock that was ahead once makes nothing old for good.
    let today: Int
    /// How long the store's leases last, in seconds.
    let leaseTime: Int
    /// How long what nothing names is left alone: the lease time, or less where that is told, and never more.
    let grace: Int
    /// A lease that ends by this time is over: a lease time that is given shortens those that live, and never lengthens one.
    let leaseEnd: Int
    /// Which manifests without a tag stay.
    let untagged: CollectionOptions.Untagged
    /// One that has had no tag since before this time is too old to stay, where that decides.
    let oldest: Int

    /// The times of a collection at `now`, of a store whose leases last `leaseTime` seconds, on a machine whose clock says `clock`.
    init(_ options: CollectionOptions, leaseTime: Int, now: Int, clock: Int = Clock.now) {
        grace = min(leaseTime, options.leaseTime ?? leaseTime)
        self.now = now
        today = min(now, clock)
        self.leaseTime = leaseTime
        leaseEnd = now + leaseTime - grace
        untagged = options.untagged
        oldest =
            switch options.untagged {
            // A number of seconds may be anything that a person types.
            case .younger(let age): min(today - min(age, now), now - grace)
            case .byDigest: options.hasReaders ? now - grace : now
            case .all: now
            }
    }
}
