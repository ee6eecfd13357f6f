extension Int {
    /// Adds what is not negative; the largest number stands for any that is larger. For numbers that others may have written.
    package mutating func addCapped(_ more: Int) {
        let (sum, isLarger) = addingReportingOverflow(more)
        self = isLarger ? .max : sum
    }
}

extension Sequence<Int> {
    /// The sum of numbers that are not negative, as `addCapped` has it.
    package var cappedSum: Int { reduce(into: 0) { $0.addCapped($1) } }
}
