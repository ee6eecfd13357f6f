import RxCrypto
import RxModel
import RxProtocol
import Testing

@testable import RxClient

/// What push and pull decide, without a socket. Source: Specs/12-transfer, "Client".
@Suite struct `What a transfer decides` {
    /// A blob of a manifest; the digest is made of the position.
    func item(_ position: Int, _ size: Int = 1000) -> FreightItem {
        FreightItem(position: position, digest: sha256(Array("\(position)".utf8)), size: size)
    }

    func items(_ count: Int, _ size: Int = 1000) -> [FreightItem] { (1...count).map { item($0, size) } }

    @Test func `what is noted is asked for by a commit without a body`() {
        var machine = PushMachine(isNoted: true, isSmall: false)
        #expect(machine.start() == .ask(manifest: false))
        #expect(machine.manifestUnknown(after: .ask(manifest: false)) == .ask(manifest: true))
        #expect(machine.manifestUnknown(after: .ask(manifest: true)) == nil, "it was in the stream")
        var small = PushMachine(isNoted: true, isSmall: true)
        #expect(small.start() == .ask(manifest: false))
        #expect(small.manifestUnknown(after: .ask(manifest: false)) == .sendAll)
        #expect(small.pending([item(3)]) == .finish([item(3)]), "the registry has lost one")
    }

    @Test func `what is small goes at once, everything else is asked for first`() {
        #expect(PushMachine(isNoted: false, isSmall: true).start() == .sendAll)
        #expect(PushMachine(isNoted: false, isSmall: false).start() == .ask(manifest: true))
    }

    @Test func `what fits into one stream carries the commit, more is committed behind`() {
        var machine = PushMachine(isNoted: false, isSmall: false)
        #expect(machine.pending([item(7)]) == .finish([item(7)]), "one changed file: the second request is the last")
        var large = PushMachine(isNoted: false, isSmall: false)
        let many = [item(0, 2), item(1, 9 << 20)]
        #expect(large.pending(many) == .move(Freight(many)))
        #expect(large.moved() == .ask(manifest: false))
    }

    @Test func `after a loss it asks what is missing now`() {
        var machine = PushMachine(isNoted: false, isSmall: true)
        #expect(machine.lost() == .sendAll, "nothing is known to be there")
        #expect(machine.pending(items(3)) == .finish(items(3)))
        #expect(machine.lost() == .ask(manifest: false), "the registry keeps the manifest")
        #expect(machine.manifestUnknown(after: .ask(manifest: false)) == .ask(manifest: true), "or has lost it")
    }

    @Test func `a registry that never has what it is sent is given up`() {
        var machine = PushMachine(isNoted: false, isSmall: false)
        #expect(machine.pending(items(3)) != nil)
        #expect(machine.pending(items(2)) != nil, "fewer are missing")
        #expect(machine.pending(items(2)) != nil)
        #expect(machine.pending(items(2)) != nil)
        #expect(machine.pending(items(2)) == nil)
    }

    @Test func `a stream that was lost is no refusal`() {
        var machine = PushMachine(isNoted: false, isSmall: false)
        #expect(machine.isNearer(items(3)))
        #expect(machine.pending(items(3)) != nil)
        for _ in 0..<5 {
            _ = machine.lost()
            #expect(!machine.isNearer(items(3)) && machine.pending(items(3)) != nil)
        }
        for _ in 0..<2 { #expect(machine.pending(items(3)) != nil) }
        #expect(machine.pending(items(3)) == nil)
    }

    @Test func `no length is too long to be added up`() {
        let claimed = [item(1, .max - 10), item(2, 5), item(3, 5)]
        for alone in [true, false] { #expect(Freight(claimed, largeAlone: alone).count == 3) }
    }

    @Test func `a pull fetches what is not here and commits`() {
        var machine = PullMachine(isCurrent: false)
        #expect(machine.start() == .look)
        #expect(machine.looked(missing: items(3)) == .fetch(Freight(items(3))))
        #expect(machine.received([item(1).digest], brokeOff: true) == .fetch(Freight([item(2), item(3)])))
        #expect(machine.received([], brokeOff: true) == .fetch(Freight([item(2), item(3)])))
        #expect(machine.received([], brokeOff: false) == nil, "a registry that leaves blobs out is not asked for ever")
        #expect(machine.received([item(3).digest, item(2).digest], brokeOff: false) == .commit)
        var whole = PullMachine(isCurrent: true)
        #expect(whole.looked(missing: []) == .keep)
    }

    @Test func `little goes in one stream, much in streams of one length, large blobs alone`() {
        let mebibyte = 1 << 20
        #expect(Freight([]).single == nil && Freight([]).streams.isEmpty)
        #expect(Freight(items(16, mebibyte - 1024)).single?.count == 16)
        let two = Freight(items(40, mebibyte))
        #expect(two.streams.map(\.count) == [20, 20] && two.single == nil)
        let many = Freight(items(300, mebibyte))
        #expect(many.streams.count == 5 && many.streams.joined().map(\.position) == Array(1...300))
        #expect(many.streams.allSatisfy { $0.totalSize <= TransferWire.streamBytes })
        let mixed = Freight([item(1), item(2, TransferWire.largeBlob + 1), item(3), item(4, 20 * mebibyte)])
        #expect(mixed.large.map(\.position) == [4, 2] && mixed.streams == [[item(1), item(3)]])
        #expect(mixed.count == 4 && mixed.bytes == 2000 + TransferWire.largeBlob + 1 + 20 * mebibyte)
        let upper = Freight([item(1), item(4, 100 * mebibyte), item(5)], largeAlone: false)
        #expect(upper.large.isEmpty && upper.streams.joined().count == 3, "what /v2/ cannot name goes in streams, whatever its length")
        let awkward = Freight((1...9).map { item($0, 8 * mebibyte) } + [item(10, 1), item(11, 8 * mebibyte)])
        #expect(awkward.streams.allSatisfy { $0.reduce(0) { $0 + $1.cost } <= TransferWire.streamBytes })
    }

    @Test func `a manifest's blobs are listed once, with their first places`() {
        let one = sha256([1])
        let two = sha256([2])
        let layers: [(digest: Digest, size: Int, title: String?)] = [(two, 6, nil), (one, 5, nil), (two, 6, nil), (sha256([3]), 7, nil)]
        let list = FreightItem.list(config: (one, 5), layers: layers)
        #expect(list.map(\.position) == [0, 1, 4] && list.map(\.size) == [5, 6, 7])
    }
}
