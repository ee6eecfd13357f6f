extension Int {
    /// The sum with another number that is not negative, or the largest number where the sum is none: sizes may come from a damaged catalog,
    /// and what they add up to must not end the program.
    package func bounded(plus other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
