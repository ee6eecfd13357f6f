import RxPosix

/// How often the processes of rounds passed each point, and how often something happened there.
package struct PointCounts: Sendable {
    /// The bytes of the table that they share, and of the counts of failed syncs behind it.
    static let size = FaultPoint.tableSize * 8 + 32

    private var numbers = [Int](repeating: 0, count: FaultPoint.tableSize * 2)

    /// None.
    package init() {}

    init(reading path: String) throws {
        let bytes = try Files.read(path, limit: PointCounts.size)
        for index in numbers.indices where index * 4 + 4 <= bytes.count {
            numbers[index] = bytes[index * 4..<index * 4 + 4].enumerated().reduce(0) { $0 | Int($1.element) << ($1.offset * 8) }
        }
    }

    /// Adds those of another round.
    package mutating func add(_ other: PointCounts) { for index in numbers.indices { numbers[index] += other.numbers[index] } }

    /// How often a point was passed.
    package func passed(_ point: FaultPoint) -> Int { numbers[point.index * 2] }

    /// How often something happened there.
    package func struck(_ point: FaultPoint) -> Int { numbers[point.index * 2 + 1] }
}
