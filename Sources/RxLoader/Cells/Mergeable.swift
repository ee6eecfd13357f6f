/// Values that are joined in any order, any number of times, with the same result.
///
/// The laws, which tests show for each type: `a.merged(with: b) == b.merged(with: a)`,
/// `a.merged(with: b).merged(with: c) == a.merged(with: b.merged(with: c))`, `a.merged(with: a) == a`.
/// Source: Specs/15-loader, LOD-020.
public protocol Mergeable: Equatable, Sendable {
    /// The least value that holds both.
    func merged(with other: Self) -> Self
}

/// The largest value seen.
public struct Max<Value: Comparable & Sendable>: Mergeable {
    /// The value.
    public let value: Value

    /// Starts with a value.
    public init(_ value: Value) { self.value = value }

    public func merged(with other: Max) -> Max { other.value > value ? other : self }
}

/// The smallest value seen.
public struct Min<Value: Comparable & Sendable>: Mergeable {
    /// The value.
    public let value: Value

    /// Starts with a value.
    public init(_ value: Value) { self.value = value }

    public func merged(with other: Min) -> Min { other.value < value ? other : self }
}

/// All that was seen.
public struct Union<Element: Hashable & Sendable>: Mergeable {
    /// The elements.
    public let elements: Set<Element>

    /// Starts with some elements.
    public init(_ elements: Set<Element>) { self.elements = elements }

    public func merged(with other: Union) -> Union { Union(elements.union(other.elements)) }
}

/// What was written last.
///
/// Two writings of the same time are ordered by their writers, and those of one writer by the value: no order in which they arrive
/// makes a difference.
public struct LastWriter<Value: Comparable & Sendable>: Mergeable {
    /// When it was written; larger is later, in whatever unit the writers share.
    public let time: Int
    /// Who wrote it.
    public let writer: String
    /// What was written.
    public let value: Value

    /// Writes a value.
    public init(_ value: Value, time: Int, writer: String = "") {
        self.time = time
        self.writer = writer
        self.value = value
    }

    public func merged(with other: LastWriter) -> LastWriter {
        (other.time, other.writer, other.value) > (time, writer, value) ? other : self
    }
}
