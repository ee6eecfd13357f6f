import Foundation
import RxTesting
import Testing

/// The inputs that the fuzzer's runs left behind: those of `corpus` reach all that was ever reached, those of `regressions` broke something.
@Suite struct `Parsers` {
    static func inputs(_ folder: String, of target: FuzzTarget) throws -> [URL] {
        let place = repositoryRoot.appendingPathComponent("Tests/Fuzz/\(folder)/\(target.name)")
        guard FileManager.default.fileExists(atPath: place.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(at: place, includingPropertiesForKeys: nil).sorted { $0.path < $1.path }
    }

    @Test(arguments: FuzzTarget.all.map(\.name))
    func `keep what must hold for every input that the fuzzer found`(_ name: String) throws {
        let target = try #require(FuzzTarget.named(name))
        let corpus = try Parsers.inputs("corpus", of: target)
        #expect(!corpus.isEmpty, "\(name) has no input to begin with")
        for input in try corpus + Parsers.inputs("regressions", of: target) {
            do { try target.check([UInt8](Data(contentsOf: input))) } catch { Issue.record("\(name) \(input.lastPathComponent): \(error)") }
        }
    }

    @Test func `have each a name of their own, and no inputs of a parser that is gone`() throws {
        let names = FuzzTarget.all.map(\.name)
        #expect(Set(names).count == names.count)
        for folder in ["corpus", "regressions"] {
            let place = repositoryRoot.appendingPathComponent("Tests/Fuzz/\(folder)").path
            let found = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
            #expect(Set(found.filter { !$0.hasPrefix(".") }).subtracting(names) == [], "\(folder)")
        }
    }

    @Test func `are found to be broken when they are`() {
        let target = FuzzTarget("upside down", longest: 1) { try must($0.isEmpty, "there is a byte") }
        #expect(throws: Broken.self) { try target.check([1]) }
        #expect(throws: Never.self) { try target.check([]) }
    }
}
