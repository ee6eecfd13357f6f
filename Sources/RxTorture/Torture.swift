import Glibc
import RxModel
import RxPosix
import Synchronization

/// Many rounds, several side by side. Source: Specs/14-torture.
package struct Torture: Sendable {
    /// A round that broke a rule.
    package struct Failure: Sendable {
        /// The round's seed.
        package let seed: UInt64
        /// The elements of its schedule that were left when fewer did not fail any more.
        package let kept: [Int]
        /// How many there were.
        package let all: Int
        /// What was broken, and the history in words.
        package let violations: [Violation]
        package let history: String
    }

    /// What came of a run.
    package struct Report: Sendable {
        package var rounds = 0
        package var steps = 0
        package var puts = 0
        package var reads = 0
        package var counts = PointCounts()
        package var failures: [Failure] = []

        /// The named points that were never passed.
        package var missed: [FaultPoint] { FaultPoint.named.filter { counts.passed($0) == 0 } }
        /// Those at which nothing ever happened.
        package var unstruck: [FaultPoint] { FaultPoint.named.filter { counts.struck($0) == 0 } }
    }

    /// So many failing rounds end a run.
    private static let mostFailures = 5
    /// So many times a failing round is run again to find a shorter one.
    private static let mostTries = 80

    let setup: TortureSetup
    /// How many rounds run side by side.
    let width: Int

    /// Rounds of one setup.
    package init(_ setup: TortureSetup, width: Int) {
        self.setup = setup
        self.width = width
    }

    /// Runs the rounds of `count` seeds from `first` on, for at most so many seconds. `progress` is called after each, on any
    /// thread, with its failure if it is one.
    package func run(from first: UInt64, count: Int, seconds: Double, progress: @escaping @Sendable (Report, Failure?) -> Void) throws
        -> Report
    {
        let report = Mutex(Report())
        let next = Atomic<Int>(0)
        let end = seconds == .infinity ? Int.max : Clock.monotonic + Int(seconds * 1e9)
        let failure = Mutex<(any Error)?>(nil)
        let threads = (0..<width).map { _ in
            Thread {
                while Clock.monotonic < end, report.withLock({ $0.failures.count < Torture.mostFailures }) {
                    let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                    guard index < count else { return }
                    do {
                        let (now, failed) = try play(first &+ UInt64(index), into: report)
                        progress(now, failed)
                    } catch {
                        failure.withLock { $0 = error }
                        return
                    }
                }
            }
        }
        for thread in threads { thread.join() }
        if let error = failure.withLock({ $0 }) { throw error }
        return report.withLock { $0 }
    }

    private func play(_ seed: UInt64, into report: borrowing Mutex<Report>) throws -> (Report, Failure?) {
        let schedule = Schedule(seed: seed)
        let (history, violations, counts) = try Round(setup, schedule).run()
        let failed = violations.isEmpty ? nil : try shrink(schedule, Failure(seed: seed, schedule, history, violations))
        return report.withLock { report in
            report.rounds += 1
            report.steps += history.events.count
            for event in history.events {
                switch (event.kind, event.outcome) {
                case (.put, .done): report.puts += 1
                case (.read, .found): report.reads += 1
                default: continue
                }
            }
            report.counts.add(counts)
            if let failed { report.failures.append(failed) }
            return (report, failed)
        }
    }

    /// How many elements the schedule of a seed has.
    package static func elements(_ seed: UInt64) -> Int { Schedule(seed: seed).elements.count }

    /// Runs one schedule, whole or in part.
    package func replay(_ seed: UInt64, only kept: Set<Int>?) throws -> Failure? {
        let whole = Schedule(seed: seed)
        let kept = kept ?? Set(whole.elements.indices)
        let (history, violations, _) = try Round(setup, Schedule(whole, only: kept)).run()
        return violations.isEmpty
            ? nil : Failure(seed: seed, kept: kept.sorted(), all: whole.elements.count, violations: violations, history: history.text)
    }

    /// Leaves out elements as long as what is left still fails: halves, then quarters, then one by one.
    private func shrink(_ whole: Schedule, _ failure: Failure) throws -> Failure {
        var best = failure
        var tries = 0
        var size = max(1, best.kept.count / 2)
        while size >= 1 {
            var start = 0
            while start < best.kept.count, tries < Torture.mostTries {
                var fewer = best.kept
                fewer.removeSubrange(start..<min(start + size, fewer.count))
                tries += 1
                if !fewer.isEmpty, let found = try replay(whole.seed, only: Set(fewer)) { best = found } else { start += size }
            }
            size = size == 1 ? 0 : size / 2
        }
        return best
    }
}

extension Torture.Failure {
    init(seed: UInt64, _ schedule: Schedule, _ history: History, _ violations: [Violation]) {
        self.init(
            seed: seed, kept: Array(schedule.elements.indices), all: schedule.elements.count, violations: violations, history: history.text)
    }

    /// The failure as it is printed: what was broken, what was done, and how to see it again.
    package var text: String {
        let whole = Schedule(seed: seed)
        let only = kept.count == all ? "" : " --only \(kept.map(String.init).joined(separator: ","))"
        return """
            seed \(seed): \(violations.count == 1 ? "a rule is broken" : "\(violations.count) rules are broken")
            \(violations.map { "  \($0)" }.joined(separator: "\n"))
            what was done (\(kept.count) of \(all) elements):
            \(kept.map { "  \($0): \(whole.elements[$0])" }.joined(separator: "\n"))
            history:
            \(history)
            again: rx torture --seed \(seed) --rounds 1\(only)

            """
    }
}
