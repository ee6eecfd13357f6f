import RxPosix
import Synchronization

/// The programs that a host serves: each has a binder of its own under a name that only it and those that it starts know.
package final class RunSessions: Sendable {
    private let binders = Mutex<[String: ModuleBinder]>([:])

    /// Serves nobody yet.
    package init() {}

    /// Serves one more; gives the name, 128 random bits in hexadecimal digits.
    package func add(_ binder: ModuleBinder) -> String {
        let token = RandomName.make()
        binders.withLock { $0[token] = binder }
        return token
    }

    /// Serves one no longer; gives what it had.
    @discardableResult
    package func remove(_ token: String) -> ModuleBinder? { binders.withLock { $0.removeValue(forKey: token) } }

    /// Everybody's.
    package var all: [ModuleBinder] { binders.withLock { Array($0.values) } }

    /// The one of this name. How long it takes does not tell how much of a name is right.
    func binder(_ token: some Collection<UInt8>) -> ModuleBinder? {
        binders.withLock { binders in
            var found: ModuleBinder?
            for (name, binder) in binders where RunSessions.isSame(name.utf8, token) { found = binder }
            return found
        }
    }

    private static func isSame(_ a: some Collection<UInt8>, _ b: some Collection<UInt8>) -> Bool {
        guard a.count == b.count else { return false }
        return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
