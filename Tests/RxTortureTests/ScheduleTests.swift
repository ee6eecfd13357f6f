import Foundation
import RxTesting
import RxTorture
import Testing

/// What happens in a round follows from its seed.
@Suite struct `A schedule` {
    @Test func `is the same for the same seed, and another for another`() {
        for seed in 0..<50 as Range<UInt64> {
            #expect(Schedule(seed: seed).elements == Schedule(seed: seed).elements)
            #expect(Schedule(seed: seed).elements != Schedule(seed: seed + 1).elements)
        }
    }

    @Test func `puts every version once, each with content of its own`() {
        for seed in 0..<20 as Range<UInt64> {
            let contents = Schedule(seed: seed).contents
            #expect(Set(contents.values.map(\.listing)).count == contents.count)
            for (version, content) in contents {
                #expect(Content(version: version, seed: seed).listing["content"] == content.listing["content"])
            }
        }
    }

    @Test func `can do without some of its elements`() {
        let whole = Schedule(seed: 3)
        let part = Schedule(whole, only: [0, 2])
        #expect(part.elements == [whole.elements[0], whole.elements[2]])
        #expect(part.epochs == whole.epochs)
    }

    @Test func `strikes at every point, in every way, before long`() {
        var struck: Set<FaultPoint> = []
        var kinds: Set<String> = []
        for seed in 0..<600 as Range<UInt64> {
            for element in Schedule(seed: seed).elements {
                switch element {
                case .fault(_, _, let fault), .step(_, _, _, let fault?, _): struck.insert(fault.point)
                default: break
                }
                kinds.insert(String(describing: element).prefix { $0 != "(" }.description)
            }
        }
        #expect(struck == Set(FaultPoint.named))
        #expect(kinds == ["step", "fault", "kill", "clock", "powerFailure", "damage", "secondServer", "politeEnd"])
    }

    @Test func `has the points of the specification`() throws {
        let page = try String(contentsOf: repositoryRoot.appendingPathComponent("Specs/14-torture.md"), encoding: .utf8)
        let listed = page.matches(of: /`([a-z]+\.[a-z]+)`/).compactMap { FaultPoint(String($0.1)) }
        #expect(Set(listed) == Set(FaultPoint.named))
    }
}
