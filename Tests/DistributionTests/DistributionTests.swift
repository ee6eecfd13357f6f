import Foundation
import RxModel
import RxTesting
import Testing

/// A vector of Specs/vectors/distribution-*.json.
struct Vector: Sendable, CustomTestStringConvertible {
    let json: JSON

    var id: String { json["id"]?.string ?? "" }
    var testDescription: String { "\(id) (\(json["section"]?.string ?? "")): \(json["name"]?.string ?? "")" }

    static let all: [Vector] = {
        let folder = repositoryRoot.appendingPathComponent("Specs/vectors")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasPrefix("distribution-") }.sorted().flatMap { name in
            ((try? vectors(String(name.dropLast(5)))) ?? []).map { Vector(json: $0) }
        }
    }()

    /// Those that steps show; without the ones that need a server of their own when the registry is somebody else's.
    static let runnable = all.filter { $0.json["steps"] != nil && (Given.url == nil || $0.json["settings"] == nil) }
}

/// A registry from outside: `RX_DISTRIBUTION_URL`, and `RX_DISTRIBUTION_REFERENCE` when it is the one that `differs` speaks of.
enum Given {
    static let url = ProcessInfo.processInfo.environment["RX_DISTRIBUTION_URL"]
    static let isReference = ProcessInfo.processInfo.environment["RX_DISTRIBUTION_REFERENCE"] != nil
}

/// One registry for all vectors without settings, ended after the last.
struct SharedRegistry: SuiteTrait, TestScoping {
    @TaskLocal static var address: String?

    func provideScope(for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void) async throws {
        if let url = Given.url { return try await SharedRegistry.$address.withValue(url, operation: function) }
        let process = try RegistryProcess()
        try await SharedRegistry.$address.withValue(process.url, operation: function)
        withExtendedLifetime(process) {}
    }
}

@Suite(SharedRegistry()) struct `Distribution vectors` {
    @Test(arguments: Vector.runnable)
    func `are answered as they say`(vector: Vector) throws {
        let body = {
            let runner = try Runner(vector, shared: try SharedRegistry.address.map(Address.init))
            for (index, step) in (vector.json["steps"]?.array ?? []).enumerated() {
                try runner.step(step, "\(vector.id), step \(index + 1)")
            }
        }
        if Given.isReference, let differs = vector.json["differs"]?.string {
            withKnownIssue("\(differs)", body)
        } else {
            try body()
        }
    }

    @Test func `have ids of their own and show something`() {
        let twice = Dictionary(grouping: Vector.all, by: \.id).filter { $1.count > 1 }.keys.sorted()
        #expect(twice.isEmpty, "\(twice)")
        for vector in Vector.all {
            #expect((vector.json["steps"] == nil) != (vector.json["test"] == nil), "\(vector.id)")
            #expect(vector.json["section"]?.string != nil && vector.json["name"]?.string != nil, "\(vector.id)")
        }
    }

    @Test func `name tests that exist`() throws {
        let folder = repositoryRoot.appendingPathComponent("Tests/DistributionTests")
        let sources = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        let text = try sources.map { try String(contentsOf: $0, encoding: .utf8) }.joined()
        for vector in Vector.all {
            if let test = vector.json["test"]?.string { #expect(text.contains("@Test func `\(test)`"), "\(vector.id)") }
        }
    }
}
