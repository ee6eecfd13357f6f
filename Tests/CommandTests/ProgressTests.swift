import RxModel
import RxTesting
import Synchronization
import Testing

@testable import rx

/// A clock that stands still until it is moved, and what was written.
private final class Desk: Sendable {
    let time = Mutex(0)
    let text = Mutex("")

    func display(_ style: ProgressDisplay.Style) -> ProgressDisplay {
        ProgressDisplay(style, clock: { self.time.withLock { $0 } }, write: { text in self.text.withLock { $0 += text } })
    }

    func wait(_ seconds: Double) { time.withLock { $0 += Int(seconds * 1e9) } }

    func taken() -> String {
        text.withLock { text in
            defer { text = "" }
            return text
        }
    }
}

@Suite struct `Progress` {
    private let desk = Desk()
    static let mebibyte = 1 << 20

    @Test func `is a bar on a terminal, once the work takes a while, and goes away`() {
        let display = desk.display(.bar)
        display.begin("pulling", total: 100 * Self.mebibyte, files: 10_000)
        desk.wait(0.4)
        display.advance(10 * Self.mebibyte, files: 1000)
        #expect(desk.taken() == "")
        desk.wait(0.6)
        display.advance(10 * Self.mebibyte, files: 1000)
        let bar = desk.taken()
        #expect(
            bar.hasPrefix("\rpulling ") && bar.contains("20 %") && bar.hasSuffix("\u{1B}[K") && bar.count < 84, "\(bar.debugDescription)")
        desk.wait(0.05)
        display.advance(1, files: 0)
        #expect(desk.taken() == "", "ten times a second at most")
        display.end()
        #expect(desk.taken() == "\r\u{1B}[K")
        display.end()
        #expect(desk.taken() == "")
    }

    @Test func `fits the terminal`() {
        let reading = ProgressReading(
            what: "pulling", bytes: 20 << 20, totalBytes: 100 << 20, files: 2000, totalFiles: 10_000, rate: 20 << 20, secondsLeft: 4,
            fraction: 0.2)
        #expect(
            ProgressText.bar(reading, columns: 120)
                == "pulling [####--------------------]  20 %  20.0/100.0 MiB  2,000/10,000 files  20.0 MiB/s  4 s left")
        #expect(ProgressText.bar(reading, columns: 80) == "pulling [#----]  20 %  20.0/100.0 MiB  2,000/10,000 files  20.0 MiB/s  4 s left")
        #expect(ProgressText.bar(reading, columns: 60) == "pulling [#----]  20 %  20.0/100.0 MiB  20.0 MiB/s  4 s left")
        #expect(ProgressText.bar(reading, columns: 20) == "pulling  20 %")
        for columns in [1, 5, 20, 40, 60, 79, 80, 81, 100, 200] {
            #expect(ProgressText.bar(reading, columns: columns).count < max(2, columns))
        }
        let open = ProgressReading(what: "adding", bytes: 5)
        #expect(ProgressText.bar(open, columns: 80) == "adding  5 B  0 B/s")
    }

    @Test func `is a line now and then where there is no terminal`() {
        let display = desk.display(.lines)
        display.begin("pushing", total: 100 * Self.mebibyte, files: 4)
        for _ in 0..<19 {
            desk.wait(0.1)
            display.advance(Self.mebibyte, files: 0)
        }
        #expect(desk.taken() == "", "short work is not worth a line")
        desk.wait(0.1)
        display.advance(Self.mebibyte, files: 1)
        #expect(desk.taken() == "pushing: 20.0 MiB of 100.0 MiB (20 %), 1 of 4 files, 10.0 MiB/s, 9 s left\n")
        desk.wait(4.9)
        display.advance(Self.mebibyte, files: 1)
        #expect(desk.taken() == "")
        desk.wait(0.1)
        display.advance(Self.mebibyte, files: 1)
        #expect(desk.taken().hasPrefix("pushing: 22.0 MiB of 100.0 MiB (22 %), 3 of 4 files, "))
        display.end()
        #expect(desk.taken() == "")
    }

    @Test func `is JSON lines for programs`() throws {
        let display = desk.display(.events)
        display.begin("pulling", total: 1000, files: 2)
        display.advance(100, files: 1)
        #expect(desk.taken() == "")
        desk.wait(1)
        display.advance(400, files: 1)
        let lines = try desk.taken().split(separator: "\n").map { try JSON(parsing: String($0)) }
        #expect(lines.map { $0["event"]?.string } == ["begin", "progress"])
        #expect(lines[1]["what"]?.string == "pulling" && lines[1]["bytes"]?.int == 500 && lines[1]["totalBytes"]?.int == 1000)
        #expect(lines[1]["files"]?.int == 2 && lines[1]["totalFiles"]?.int == 2 && lines[1]["rate"]?.int == 500)
        #expect(lines[1]["secondsLeft"]?.int == 2)
        display.end()
        #expect(try JSON(parsing: desk.taken())["event"]?.string == "end")
    }

    @Test func `is one whole for work of several phases, and never goes back`() {
        var meter = ProgressMeter()
        meter.expect(phases: 2)
        meter.begin("pulling", bytes: 100, files: nil, at: 0)
        meter.advance(bytes: 50, files: 0, at: 1_000_000_000)
        let first = meter.read(at: 1_000_000_000)
        #expect(first.fraction == 0.25 && first.secondsLeft == 4)
        // A connection broke: what is missing begins again, with fewer bytes.
        meter.begin("pulling", bytes: 60, files: nil, at: 1_000_000_000)
        #expect(meter.read(at: 1_000_000_000).fraction == 0.25)
        meter.advance(bytes: 60, files: 0, at: 2_000_000_000)
        #expect(meter.read(at: 2_000_000_000).fraction == 0.5)
        meter.end()
        meter.begin("writing", bytes: 100, files: 2, at: 2_000_000_000)
        #expect(meter.read(at: 2_000_000_000).fraction == 0.5)
        meter.advance(bytes: 50, files: 1, at: 3_000_000_000)
        #expect(meter.read(at: 3_000_000_000).fraction == 0.75)
        #expect(meter.read(at: 3_000_000_000).secondsLeft == 2)
    }

    @Test func `has words that a person reads at a glance`() {
        #expect(
            [0, 59, 60, 3599, 3600, 100_000].map { ProgressText.time($0) } == [
                "0 s", "59 s", "1 min 0 s", "59 min 59 s", "1 h 0 min", "27 h 46 min",
            ])
        #expect([0, 999, 1000, 12_345_678].map { Output.number($0) } == ["0", "999", "1,000", "12,345,678"])
        #expect(Output.number(-1234) == "-1,234" && Output.number(.min).hasPrefix("-9,223"))
    }

    @Test func `counts what has no bytes`() {
        var meter = ProgressMeter()
        meter.begin("collecting", bytes: nil, files: 1000, at: 0)
        meter.advance(bytes: 0, files: 250, at: 1_000_000_000)
        let reading = meter.read(at: 1_000_000_000)
        #expect(reading.fraction == 0.25 && reading.secondsLeft == 4)
        #expect(ProgressText.line(reading) == "collecting: 250 of 1,000 files (25 %), 4 s left")
        #expect(ProgressText.bar(reading, columns: 60) == "collecting [###----------]  25 %  250/1,000 files  4 s left")
        meter.begin("waiting", bytes: nil, files: 0, at: 2_000_000_000)
        #expect(ProgressText.line(meter.read(at: 2_000_000_000)) == "waiting ...")
    }
}
