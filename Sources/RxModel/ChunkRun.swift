/// Neighbouring chunks of a list that are neighbours in a base, too. Source: Specs/13-chunks, CDC-011.
public struct ChunkRun: Sendable, Equatable {
    /// The position of the first chunk in the list that was looked for.
    public let first: Int
    /// How many chunks they are.
    public var count: Int
    /// Which base has them.
    public let base: Int
    /// Where they begin in the base, in bytes.
    public let offset: Int
    /// How many bytes they are there.
    public var length: Int

    /// Describes a run.
    public init(first: Int, count: Int, base: Int, offset: Int, length: Int) {
        self.first = first
        self.count = count
        self.base = base
        self.offset = offset
        self.length = length
    }
}
