/// When a collection is, and which leases are over for it; in seconds since 1970.
struct CollectionTimes {
    /// The newest time that the store has seen.
    let now: Int
    /// How long the store's leases last, in seconds.
    let leaseTime: Int
    /// A lease that ends by this time is over: a lease time that is given shortens those that live, and never lengthens one.
    let leaseEnd: Int

    init(now: Int, leaseTime: Int = 0, shortenedTo shorter: Int? = nil) {
        self.now = now
        self.leaseTime = leaseTime
        leaseEnd = now + (shorter.map { max(0, leaseTime - $0) } ?? 0)
    }
}
