/// Names that were looked for and not bound, with the answers, for a while. Source: Specs/15-loader, LOD-032.
struct NegativeCache {
    /// The most names that are kept.
    static let limit = 10_000

    private struct Entry {
        let reply: Reply
        let until: Duration
    }

    private var entries: [String: Entry] = [:]

    /// The number of names that are kept, expired ones among them.
    var count: Int { entries.count }

    /// The answer for a name at a time; nil when there is none, or it has expired.
    mutating func reply(for name: String, at now: Duration) -> Reply? {
        guard let entry = entries[name] else { return nil }
        guard now < entry.until else {
            entries[name] = nil
            return nil
        }
        return entry.reply
    }

    /// Keeps an answer until a time. When there are too many, those that have expired go, else the one that expires first.
    mutating func keep(_ reply: Reply, for name: String, at now: Duration, until: Duration) {
        guard until > now else { return }
        if entries.count >= NegativeCache.limit, entries[name] == nil {
            entries = entries.filter { now < $0.value.until }
            if entries.count >= NegativeCache.limit, let first = entries.min(by: { $0.value.until < $1.value.until }) {
                entries[first.key] = nil
            }
        }
        entries[name] = Entry(reply: reply, until: until)
    }

    /// Has a name looked for again.
    mutating func forget(_ name: String) { entries[name] = nil }
}
