import RxModel
import RxTorture
import Testing

/// The checker finds what was lost, and only that.
@Suite struct `A history` {
    private static let blob = Digest(hex: String(repeating: "ab", count: 32))!

    /// `(kind, outcome, start, end)`, all of one name in epoch 0 unless it is the calm one.
    private func history(_ events: [(Event.Kind, Event.Outcome, Int, Int)], calmFrom: Int = .max) -> History {
        var history = History()
        history.epochEnds = [100]
        history.calm = 1
        history.blobs = [1: [`A history`.blob], 2: []]
        history.events = events.map { kind, outcome, start, end in
            Event(store: 0, name: "r:t", kind: kind, outcome: outcome, start: start, end: end, epoch: start >= calmFrom ? 1 : 0)
        }
        return history
    }

    @Test func `in which all went well breaks no rule`() {
        let whole = history([(.put(1), .done, 0, 1), (.read, .found(1), 2, 3), (.put(2), .done, 4, 5), (.read, .found(2), 110, 111)])
        #expect(whole.violations().isEmpty)
        #expect(history([(.read, .absent, 0, 1)]).violations().isEmpty)
        #expect(history([(.put(1), .done, 0, 1), (.remove, .done, 2, 3), (.read, .absent, 4, 5)]).violations().isEmpty)
    }

    @Test func `shows a push that was acknowledged and lost`() {
        let lost = history([(.put(1), .done, 0, 1), (.read, .absent, 2, 3)])
        #expect(lost.violations().map(\.description) == ["0 r:t: lost: nothing was read: ; possible: version 1"])
    }

    @Test func `shows an older version that came back`() {
        #expect(history([(.put(1), .done, 0, 1), (.put(2), .done, 2, 3), (.read, .found(1), 4, 5)]).violations().count == 1)
        #expect(history([(.put(1), .done, 0, 1), (.remove, .done, 2, 3), (.read, .found(1), 4, 5)]).violations().count == 1)
        #expect(history([(.read, .found(2), 4, 5)]).violations().count == 1)
    }

    @Test func `shows wrong bytes whatever else happened`() {
        #expect(history([(.put(1), .unknown, 0, 1), (.read, .wrong, 2, 3)]).violations().count == 1)
        #expect(history([(.put(1), .done, 0, 1), (.read, .broken(1), 2, 3)]).violations().count == 1)
    }

    @Test func `leaves open what was not acknowledged, until all who could do it are dead`() {
        for outcome in [Event.Outcome.absent, .found(1)] {
            #expect(history([(.put(1), .unknown, 0, 1), (.read, outcome, 2, 3)]).violations().isEmpty)
        }
        // Done late, over what was acknowledged in between.
        #expect(history([(.put(1), .unknown, 0, 1), (.put(2), .done, 2, 3), (.read, .found(1), 4, 5)]).violations().isEmpty)
        // After the epoch nobody is left to do it.
        let late = history([(.put(1), .unknown, 0, 1), (.put(2), .done, 120, 121), (.read, .found(1), 130, 131)])
        #expect(late.violations().count == 1)
    }

    @Test func `lets what happens at the same time come in any order`() {
        for version in [1, 2] {
            #expect(history([(.put(1), .done, 0, 5), (.put(2), .done, 1, 4), (.read, .found(version), 6, 7)]).violations().isEmpty)
        }
        #expect(history([(.put(1), .done, 0, 1), (.put(2), .done, 2, 9), (.read, .found(1), 3, 4)]).violations().isEmpty)
    }

    @Test func `lets a read fail only while something is made to fail`() {
        #expect(history([(.put(1), .done, 0, 1), (.read, .failed, 2, 3)]).violations().isEmpty)
        #expect(history([(.put(1), .done, 0, 1), (.read, .failed, 110, 111)], calmFrom: 110).violations().count == 1)
    }

    @Test func `lets a damaged blob fail until it was put again, and never vanish`() {
        var damaged = history([(.put(1), .done, 0, 1), (.read, .failed, 110, 111)], calmFrom: 110)
        damaged.damages = [DamagedBlob(store: 0, digest: `A history`.blob, start: 50)]
        #expect(damaged.violations().isEmpty)
        damaged.damages[0].healed = 105
        #expect(damaged.violations().count == 1)
        damaged.damages = [DamagedBlob(store: 1, digest: `A history`.blob, start: 50)]
        #expect(damaged.violations().count == 1)
        var lost = history([(.put(1), .done, 0, 1), (.read, .absent, 110, 111)], calmFrom: 110)
        lost.damages = [DamagedBlob(store: 0, digest: `A history`.blob, start: 50)]
        #expect(lost.violations().count == 1)
    }

    @Test func `shows damaged bytes that were sent where the registry promises to look first`() {
        var sent = history([(.put(1), .done, 0, 1), (.read, .broken(1), 110, 111)], calmFrom: 110)
        sent.damages = [DamagedBlob(store: 0, digest: `A history`.blob, start: 50)]
        #expect(sent.violations().isEmpty)
        sent.hashesWhatItSends = true
        #expect(sent.violations().count == 1)
    }
}
