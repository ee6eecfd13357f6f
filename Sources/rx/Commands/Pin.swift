import RxClient
import RxModel
import RxStore

extension Command {
    /// `rx pin`
    static let pin = Command(
        name: "pin", summary: "Keep a resource whatever happens to its name, or list what is kept", arguments: "[LOCATOR]", count: 0...1,
        details: """
            Pins the content that the locator means now, by its digest: no collection, retention rule or cache limit removes it until
            rx unpin, and rx remove refuses its tags without --force. A tag that moves on leaves the pin where it was. Works for your own
            resources and for copies from registries. Without a locator, lists the pins.
            """,
        options: [.data, .json],
        examples: [
            .init("rx pin localhost:3000/team/tool:2.1", "keep this copy, offline too"), .init("rx pin", "what is pinned"),
        ]
    ) { invocation in
        let client = try Home.client(invocation)
        guard let text = invocation.positional.first else {
            let pins = try client.store.pins()
            return try Output(invocation).print(.members(["pins": .array(pins.map(\.json))]), Pin.words(pins))
        }
        let pinning = try client.pin(try Locator(parsing: text))
        try Output(invocation).print(
            pinning.record.pinJSON(["changed": .bool(pinning.isChange)]),
            "\(pinning.isChange ? "Pinned" : "Pinned already"): \(pinning.record.reference)\n  Manifest: \(pinning.record.manifestDigest)")
    }

    /// `rx unpin`
    static let unpin = Command(
        name: "unpin", summary: "No longer keep a pinned resource", arguments: "LOCATOR", count: 1...1,
        details:
            "Without a tag, or another pin, the content goes with the next rx gc. Where the tag has moved on, name the pin by its digest.",
        options: [.data, .json],
        examples: [
            .init("rx unpin hello:1.0.0", "what the tag means now"),
            .init("rx unpin hello@sha256:DIGITS", "by its digest, as rx pin shows it"),
        ]
    ) { invocation in
        let record = try Home.client(invocation).unpin(try Locator(parsing: invocation.positional[0]))
        try Output(invocation).print(record.pinJSON([:]), "Unpinned: \(record.reference)\n  Manifest: \(record.manifestDigest)")
    }
}

extension ResourceRecord {
    fileprivate func pinJSON(_ more: [String: JSON]) -> JSON {
        let locator = reference.locator
        let members: [String: JSON] = ["locator": .string(locator.description), "manifestDigest": .string(manifestDigest.description)]
        return .object(members.merging(more) { $1 })
    }
}

extension Pin {
    fileprivate var json: JSON {
        .members([
            "locator": .string(place.description), "registry": place.registry.isEmpty ? nil : .string(place.registry),
            "repository": .string(place.repository), "manifestDigest": .string(place.digest.description),
            "tags": .array(tags.map { .string($0) }), "pinnedAt": .string(Output.time(pinnedAt)),
        ])
    }

    fileprivate static func words(_ pins: [Pin]) -> String {
        guard !pins.isEmpty else { return "Nothing is pinned" }
        var table = Table()
        for pin in pins { table.add(pin.place.description, pin.tags.isEmpty ? "(no tag)" : pin.tags.joined(separator: ", ")) }
        return "Found \(Output.count(pins.count, "pin")):\n" + table.text
    }
}
