import RxCrypto
import RxModel

/// What is bound, kept for the next run. Source: Specs/15-loader, LOD-036.
///
/// One value for each route: `{"asked", "locator", "digest"}`. It is a hint: what is bound by it is found in the local store by its digest and
/// verified as everything else.
extension Loader {
    /// Keeps what is bound under a route. A record that cannot be written costs the next run a look-up, and is only reported.
    func record(_ bound: BoundRoute, as route: String) async {
        let json = JSON.members([
            "asked": .string(bound.asked.description), "locator": .string(bound.stored.locator.description),
            "digest": .string(bound.stored.digest.description),
        ])
        await settings.record?.put(Headers(Loader.recordPath(route)), .json(json)).report(path: "/\(route)", to: settings.kit)
    }

    /// Forgets what is kept of a route.
    func forgetRecord(of route: String) async {
        guard let reply = await settings.record?.put(Headers(Loader.recordPath(route)), .empty), reply.condition != .notFound else {
            return
        }
        reply.report(path: "/\(route)", to: settings.kit)
    }

    /// The resource that was bound under a route before and is still in the local store; nil when there is none, or the route means another
    /// one now.
    func recorded(_ route: String, _ asked: Locator) async -> StoredResource? {
        guard let record = settings.record, let json = await record.get(Headers(Loader.recordPath(route))).body.json,
            json["asked"]?.string == asked.description, let digest = json["digest"]?.string.flatMap({ Digest($0) }),
            let locator = json["locator"]?.string.flatMap({ try? Locator(parsing: $0) })
        else { return nil }
        let pinned = locator.pinned(to: digest)
        guard let stored = try? await settings.disk.run({ [local] in try local.stored(pinned) }), stored.digest == digest,
            (try? verified(stored, asked)) != nil
        else { return nil }
        return StoredResource(moving: stored, to: locator)
    }

    private static func recordPath(_ route: String) -> String { "/" + PercentEncoding.encode(route) }
}
