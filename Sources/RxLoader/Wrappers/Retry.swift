/// Asks again when the answer may be another one soon. Source: Specs/15-loader, LOD-010.
public struct Retry: Resource {
    private let resource: any Resource
    private let tries: Int
    private let pause: Duration
    private let longest: Duration
    private let conditions: Set<Condition>
    private let repeatsPuts: Bool
    private let time: TimeSource

    /// Asks up to `tries` times while a condition is one of `conditions`, after `pause`, then twice that, up to `longest`. A put is
    /// sent again only with `repeatsPuts`: whether it did something is not known.
    public init(
        _ resource: any Resource, tries: Int = 3, pause: Duration = .milliseconds(100), longest: Duration = .seconds(10),
        on conditions: Set<Condition> = [.unavailable], repeatsPuts: Bool = false, time: TimeSource = .system
    ) {
        self.resource = resource
        self.tries = tries
        self.pause = pause
        self.longest = longest
        self.conditions = conditions
        self.repeatsPuts = repeatsPuts
        self.time = time
    }

    public func get(_ headers: Headers) async -> Reply { await repeating { await resource.get(headers) } }

    public func put(_ headers: Headers, _ body: Body) async -> Reply {
        guard repeatsPuts else { return await resource.put(headers, body) }
        return await repeating { await resource.put(headers, body) }
    }

    /// The last answer when there are no more tries, or the task is cancelled while it waits for the next.
    private func repeating(_ ask: () async -> Reply) async -> Reply {
        var wait = min(pause, longest)
        var reply = await ask()
        for _ in 1..<max(tries, 1) {
            guard let condition = reply.condition, conditions.contains(condition) else { break }
            guard (try? await time.sleep(wait)) != nil else { break }
            wait = min(wait * 2, longest)
            reply = await ask()
        }
        return reply
    }
}
