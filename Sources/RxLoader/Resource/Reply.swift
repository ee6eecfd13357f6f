public import RxModel

/// An answer: headers and a body. An answer with a condition is an answer, too. Source: Specs/15-loader, LOD-001 and LOD-003.
public struct Reply: Sendable {
    /// The kind of the body, such as `text`; nil when it says nothing of it.
    public var type: String?
    /// Why it is not what was asked for; nil when it is.
    public var condition: Condition?
    /// The condition's words, for people.
    public var message: String?
    /// Every other header.
    public var others: [String: JSON]
    /// The body.
    public var body: Body

    /// Answers with a body.
    public init(_ body: Body = .empty, type: String? = nil, others: [String: JSON] = [:]) {
        self.type = type
        self.others = others
        self.body = body
    }

    /// Answers with a condition and no body.
    public static func condition(_ condition: Condition, _ message: String? = nil, others: [String: JSON] = [:]) -> Reply {
        var reply = Reply(others: others)
        reply.condition = condition
        reply.message = message
        return reply
    }

    /// Nothing is there: condition `not-found`, no body.
    public static let notFound = Reply.condition(.notFound)

    /// Whether it is what was asked for.
    public var isGood: Bool { condition == nil }

    /// The headers as JSON.
    public var headers: JSON {
        var members = others
        members["type"] = type.map { .string($0) }
        members["condition"] = condition.map { .string($0.rawValue) }
        members["message"] = message.map { .string($0) }
        return .object(members)
    }
}
