/// How patiently something is tried again. Source: Specs/09-command-line, CLI-060.
struct RetryPolicy: Sendable {
    /// How often the same thing is tried while nothing of it succeeds.
    var attempts = 6
    /// The most seconds before the second attempt; twice that before the next one, and so on.
    var pause = 0.5
    /// The longest pause, in seconds: of these, and of those that a server asks for.
    var longestPause = 30
    /// How many seconds after the first attempt, or after the last progress, another one may begin.
    var deadline = 120
    /// How many seconds one attempt of a request whose answer is small may take in all.
    var controlSeconds = 600
    /// Draws a number from 0 to 1. Those who failed together must not come back together ("full jitter").
    var random: @Sendable () -> Double = { Double.random(in: 0...1) }

    /// The statuses that are about the moment and not about the request: RFC 9110, section 15; RFC 6585.
    static let passingStatuses: Set<Int> = [408, 429, 502, 503, 504]

    /// The pause behind so many failures, in seconds.
    func pause(after failures: Int) -> Double {
        min(pause * Double(1 << min(failures - 1, 16)), Double(longestPause)) * random()
    }
}
