import Glibc
public import RxModel

/// Compresses what is written to it with zstd as hard as pays at the moment: the sink below tells how fast by the time that it takes.
///
/// Every block of 512 KiB is a frame of its own. Before each, the time until the sink has it is estimated for three ways: as it is, level 1
/// and level 3; the shortest is taken. Content that does not shrink goes as it is. Source: Specs/12-transfer.
public final class AdaptiveCompressor: ByteSink {
    /// How many bytes one frame holds.
    public static let blockSize = 512 << 10
    /// A block of which this much in its middle does not shrink to 95 % is not tried further.
    private static let sampleSize = 16 << 10
    /// So many blocks are compressed in any case: buffers on the way take the first megabytes as fast as they come, however slow it is.
    private static let warmUp = 16
    /// Of blocks that go as they are, every one that is a multiple of this is compressed, to learn what that would give now.
    private static let probePeriod = 16

    /// One way to send a block, and what was seen of it.
    private struct Way {
        let level: Int32
        /// Nanoseconds a byte of content.
        var cost: Double
        /// Bytes sent for each of content.
        var ratio: Double

        mutating func learn(cost: Double, ratio: Double) {
            self.cost += (cost - self.cost) / 4
            self.ratio += (ratio - self.ratio) / 4
        }
    }

    private let sink: any ByteSink
    /// Nanoseconds since an unknown start.
    private let clock: () -> Int
    private let frames = ZstdBlock(size: AdaptiveCompressor.blockSize)
    private let buffer = OwnedBuffer(AdaptiveCompressor.blockSize)
    private var buffered = 0
    private var ways = [
        Way(level: ZstdBlock.raw, cost: 0.3, ratio: 1), Way(level: 1, cost: 2.5, ratio: 0.4), Way(level: 3, cost: 5, ratio: 0.36),
    ]
    /// Nanoseconds that the sink took for a byte, lately; nil before the first block.
    private var sinkCost: Double?
    private var blocks = 0

    /// Writes zstd frames to `sink`.
    public convenience init(_ sink: any ByteSink) { self.init(sink, clock: { AdaptiveCompressor.now }) }

    /// Writes zstd frames to `sink`; what takes how long is told by `clock`, in nanoseconds.
    package init(_ sink: any ByteSink, clock: @escaping () -> Int) {
        self.sink = sink
        self.clock = clock
    }

    /// Takes bytes; passes them on once a block is full. Throws what the sink throws.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            if buffered == 0, rest.count >= AdaptiveCompressor.blockSize {
                try send(UnsafeRawBufferPointer(rebasing: rest[..<AdaptiveCompressor.blockSize]))
                rest = UnsafeRawBufferPointer(rebasing: rest[AdaptiveCompressor.blockSize...])
                continue
            }
            let count = min(rest.count, AdaptiveCompressor.blockSize - buffered)
            UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[buffered...]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
            buffered += count
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            if buffered == AdaptiveCompressor.blockSize { try flush() }
        }
    }

    /// Passes on what is left.
    public func finish() throws { if buffered > 0 { try flush() } }

    private func flush() throws {
        let count = buffered
        buffered = 0
        try send(buffer.prefix(count))
    }

    private func send(_ block: UnsafeRawBufferPointer) throws {
        let way = try choose(block)
        let start = clock()
        let frame = try frames.compress(block, level: ways[way].level)
        let compressed = clock()
        try sink.write(frame)
        let sent = clock()
        ways[way].learn(cost: Double(compressed - start) / Double(block.count), ratio: Double(frame.count) / Double(block.count))
        let cost = Double(sent - compressed) / Double(frame.count)
        sinkCost = sinkCost.map { $0 + (cost - $0) / 4 } ?? cost
        blocks += 1
    }

    /// The index of the way that gets the block to the sink soonest.
    private func choose(_ block: UnsafeRawBufferPointer) throws -> Int {
        if block.count >= 2 * AdaptiveCompressor.sampleSize {
            let middle = (block.count - AdaptiveCompressor.sampleSize) / 2
            let sample = UnsafeRawBufferPointer(rebasing: block[middle..<middle + AdaptiveCompressor.sampleSize])
            if try frames.compress(sample, level: 1).count > sample.count / 100 * 95 { return 0 }
        }
        guard let sinkCost else { return 1 }
        let isWarm = blocks >= AdaptiveCompressor.warmUp
        let best = ways.indices.dropFirst(isWarm ? 0 : 1).min { estimate(ways[$0], sinkCost) < estimate(ways[$1], sinkCost) }!
        return best == 0 && blocks % AdaptiveCompressor.probePeriod == 0 ? 1 : best
    }

    private func estimate(_ way: Way, _ sinkCost: Double) -> Double { way.cost + way.ratio * sinkCost }

    private static var now: Int {
        var moment = timespec()
        clock_gettime(CLOCK_MONOTONIC, &moment)
        return moment.tv_sec * 1_000_000_000 + moment.tv_nsec
    }
}
