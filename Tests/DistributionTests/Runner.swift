import Foundation
import RxModel
import RxTesting
import Testing

/// Does the steps of one vector.
final class Runner {
    private var address: Address
    private var own: RegistryProcess?
    private let settings: TemporaryFolder?
    private let contents: Contents
    private var held: [String: Connection] = [:]
    private var connection: Connection?

    /// On the shared registry at `shared`, or on one of its own where the vector has settings.
    init(_ item: Vector, shared: Address?) throws {
        let name = "v\(Runner.nonce)/\(item.id)"
        contents = Contents(item.json["contents"]?.object ?? [:], saved: ["repo": name, "other": name + "-other"])
        if let settings = item.json["settings"] {
            let folder = try TemporaryFolder()
            try folder.write("settings.json", settings.canonical)
            self.settings = folder
            let process = try RegistryProcess("--config", folder.path + "/settings.json")
            own = process
            address = try Address(process.url)
        } else {
            guard let shared else { throw TableError("no registry is running") }
            settings = nil
            address = shared
        }
    }

    /// New for each run, so that one registry can be tried again and again.
    private static let nonce = String(UInt32.random(in: 0 ... .max), radix: 16)

    /// Does one step; what is not as it says is recorded.
    func step(_ step: JSON, _ place: String) throws {
        if let name = step["push"]?.string { return try push(name, step, place) }
        if let name = step["put"]?.string { return try put(name, step, place) }
        if let name = step["session"]?.string {
            let request = JSON.string("POST /v2/\(to(step))/blobs/uploads/")
            return try check(["request": request, "status": 202, "save": .object([name: "Location"])], place)
        }
        if let seconds = step["wait"]?.int {
            usleep(UInt32(seconds) * 1_000_000)
            return
        }
        if let name = step["drop"]?.string { return held[name] = nil }
        if let signal = step["restart"]?.string { return try restart(signal == "SIGKILL" ? SIGKILL : SIGTERM) }
        if let name = step["hold"]?.string {
            let open = try Connection(address)
            open.send(Array(try request(step).bytes.dropLast()))
            held[name] = open
            return
        }
        try check(step.object ?? [:], place)
    }

    private func to(_ step: JSON) -> String { step["to"]?.string ?? "{repo}" }

    private func push(_ name: String, _ step: JSON, _ place: String) throws {
        let digest = step["as"]?.string == "sha512" ? "{sha512:\(name)}" : "{digest:\(name)}"
        try self.step(.members(["session": "pushed", "to": step["to"]]), place)
        try check(
            [
                "request": .string("PUT {pushed?digest=\(digest)}"), "body": .string(name), "status": 201,
                "headers": .object(["Content-Type": "application/octet-stream"]),
            ], place)
    }

    private func put(_ name: String, _ step: JSON, _ place: String) throws {
        let own = try JSON(parsing: try contents.named(name))["mediaType"]
        try check(
            [
                "request": .string("PUT /v2/\(to(step))/manifests/\(step["at"]?.string ?? "")"), "body": .string(name), "status": 201,
                "headers": .object(["Content-Type": step["type"] ?? own ?? .string(MediaTypes.image)]),
            ], place)
    }

    private func restart(_ signal: Int32) throws {
        guard let process = own else { throw TableError("restart needs settings, maybe empty ones") }
        _ = process.end(signal)
        connection = nil
        let again = try RegistryProcess(data: process.data, "--config", settings!.path + "/settings.json")
        own = again
        address = try Address(again.url)
    }

    private func request(_ step: JSON) throws -> Request {
        try Request(
            try contents.fill(step["request"]?.string ?? ""),
            headers: try (step["headers"]?.object ?? [:]).map { ($0.key, try $0.value.string.map(contents.fill)) },
            body: try step["body"].map(contents.content), chunked: try step["chunked"]?.array?.map(contents.content),
            host: "\(address.host):\(address.port)")
    }

    private func check(_ members: [String: JSON], _ place: String) throws {
        let step = JSON.object(members)
        let expectation = Expectation(step: step, contents: contents)
        let end = Date().addingTimeInterval(Double(step["within"]?.int ?? 0))
        while true {
            let begun = Date()
            let answer = try answer(step)
            var problems = try expectation.problems(answer)
            let most = step["most"]?.int ?? 60
            if Date().timeIntervalSince(begun) > Double(most) { problems.append("it took more than \(most) s") }
            if !problems.isEmpty, Date() < end {
                usleep(50_000)
                continue
            }
            for problem in problems { Issue.record("\(place): \(problem)\n\(answer.shown)") }
            for (name, header) in step["save"]?.object ?? [:] { contents.saved[name] = answer[header.string ?? ""] ?? "absent" }
            return
        }
    }

    private func answer(_ step: JSON) throws -> Answer {
        if let raw = step["raw"] {
            let open = try Connection(address)
            open.send(try contents.content(raw))
            return try open.answer(to: "GET")
        }
        let request = try request(step)
        // A connection is used again while the other side keeps it open.
        if let open = connection {
            open.send(request.bytes)
            if let answer = try? open.answer(to: request.method) { return kept(open, answer) }
        }
        let open = try Connection(address)
        open.send(request.bytes)
        return kept(open, try open.answer(to: request.method))
    }

    private func kept(_ open: Connection, _ answer: Answer) -> Answer {
        connection = answer["Connection"]?.lowercased() == "close" ? nil : open
        return answer
    }
}
