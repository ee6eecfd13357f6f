public import RxModel

/// Blobs named by their places in a manifest: 0 is its config, 1 and on its layers, in order. Written as closed ranges, so that very many
/// take little room. Source: Specs/12-transfer.
public struct BlobPositions: Sendable, Equatable {
    /// The ranges: ascending, none touching another.
    public private(set) var ranges: [ClosedRange<Int>]
    /// The number of positions.
    public private(set) var count: Int

    /// Holds nothing.
    public init() {
        ranges = []
        count = 0
    }

    /// Holds these positions, which ascend.
    public init(ascending positions: some Sequence<Int>) {
        self.init()
        for each in positions { append(each) }
    }

    /// Adds a position behind all others.
    public mutating func append(_ position: Int) {
        if let last = ranges.last, last.upperBound + 1 == position {
            ranges[ranges.count - 1] = last.lowerBound...position
        } else {
            precondition(ranges.last.map { $0.upperBound < position } ?? (position >= 0), "positions ascend")
            ranges.append(position...position)
        }
        count += 1
    }

    /// Every position, ascending.
    public var all: some Sequence<Int> { ranges.lazy.joined() }

    /// The last position; nil when there is none.
    public var last: Int? { ranges.last?.upperBound }

    /// The ranges as JSON: `[[first,last],...]`.
    public var json: JSON { .array(ranges.map { .array([.integer($0.lowerBound), .integer($0.upperBound)]) }) }

    /// The last position that is read, so that neither what follows it nor a count overflows.
    public static let largest = Int.max - 2

    /// Reads ranges; nil for anything but ascending ones, of which none touches or covers another and none ends behind `largest`.
    public init?(_ json: JSON) {
        guard let list = json.array else { return nil }
        self.init()
        var next = 0
        for each in list {
            guard let pair = each.array, pair.count == 2, let first = pair[0].int, let last = pair[1].int, first >= next, last >= first,
                last <= BlobPositions.largest
            else { return nil }
            ranges.append(first...last)
            count += last - first + 1
            next = last + 2
        }
    }
}
