import RxModel
import Synchronization

/// Keeps JSON values in memory, each under its path. Source: Specs/15-loader, LOD-024.
///
/// Get gives a value, or for the root the keys; put keeps a value, and one without a body removes it.
public final class MemoryValues: Resource {
    private let values = Mutex<[ValueKey: JSON]>([:])

    /// Starts empty.
    public init() {}

    public func get(_ headers: Headers) async -> Reply {
        do {
            guard let key = try ValueKey(path: headers.path) else { return .list(values.withLock { Array($0.keys) }) }
            guard let value = values.withLock({ $0[key] }) else { return .notFound }
            return Reply(.json(value), type: "json")
        } catch { return .noValue(error.message) }
    }

    public func put(_ headers: Headers, _ body: Body) async -> Reply {
        do {
            guard let key = try ValueKey(path: headers.path) else { return .noValue("a value needs a path") }
            guard let value = body.json else { return .noValue("only text and JSON can be kept") }
            let old = values.withLock { values in
                defer { values[key] = body.isEmpty ? nil : value }
                return values[key]
            }
            return body.isEmpty && old == nil ? .notFound : Reply()
        } catch { return .noValue(error.message) }
    }
}
