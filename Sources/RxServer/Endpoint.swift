import RxHTTP
import RxModel
import RxPosix
import RxStore

/// What endpoints work with.
struct ServerContext: Sendable {
    let configuration: ServerConfiguration
    let store: any Store
    let log: AccessLog
    let responses: ResponseCache
    let archives: ArchiveCache
    let workers: Workers
    /// Where bodies wait until they are whole.
    let spoolDirectory: String
}

/// One request that an endpoint is asked to answer.
struct Call: Sendable {
    let request: HTTPRequest
    /// What follows the endpoint's prefix in the path, as it was sent.
    let rest: String
    /// The request's name in log and answer.
    let id: String
    /// How its answer looks.
    let face: Face
}

/// One path of the interface, or all paths with one prefix: parses a request, acts on the store, describes the response.
protocol Endpoint: Sendable {
    /// The methods it knows, as `Allow` lists them.
    var methods: [String] { get }

    /// Called on an event thread with one of its methods. Errors become answers.
    func react(_ call: Call, _ context: ServerContext) throws -> Reaction
}

extension ServerContext {
    /// The answer to an error. What went wrong inside is for the log; the client learns that something did.
    func failure(_ error: any Error, _ call: Call) -> HTTPResponse {
        let id = call.id
        let known = error as? any ResourceError
        guard let known, known.code.status < 500 || known.code == .overloaded || known.code == .storageFull || known.code == .contentDamaged
        else {
            log.problem(String(describing: error), id: id)
            return call.face.failure(
                RegistryError(
                    "The registry could not complete the request", code: .internalError, hint: "the server's log says more under id \(id)"))
        }
        if known.code == .storageFull {
            log.problem(known.message, id: id)
            return call.face.failure(RegistryError("The registry's storage is full", code: .storageFull))
        }
        if known.code == .contentDamaged { log.problem(known.message, id: id) }
        return call.face.failure(known)
    }

    /// A reaction that runs `job` on a thread for quick work.
    func work(_ call: Call, _ job: @escaping @Sendable () throws -> HTTPResponse) -> Reaction {
        .work { respond in
            do { respond(try job().encoded(for: call.request)) } catch { respond(failure(error, call)) }
        }
    }

    /// The resource of a locator. Throws `RegistryError` when there is none.
    func resolve(_ locator: Locator) throws -> ResourceRecord {
        let selector = try Selector(locator)
        if let record = try store.resolve(registry: "", repository: locator.repository, selector: selector) { return record }
        // A repository whose first part has a dot reads like a host.
        if let part = locator.registry,
            let record = try store.resolve(registry: "", repository: "\(part)/\(locator.repository)", selector: selector)
        {
            return record
        }
        throw RegistryError.resourceNotFound
    }
}

extension RegistryError {
    /// Nothing is stored under a locator.
    static let resourceNotFound = RegistryError("Resource not found", code: .resourceNotFound)
}

extension Call {
    /// The locator after the prefix. Escapes are decoded once here, so that the locator's length is that of its text.
    /// Throws `LocatorError`, or `RegistryError` when there is no text.
    func locator() throws -> Locator {
        guard !rest.isEmpty else { throw RegistryError("A locator is required", code: .locatorRequired) }
        guard let text = PercentEncoding.decode(rest) else { throw LocatorError("Invalid percent escape", locator: rest) }
        guard !text.utf8.contains(UInt8(ascii: "%")) else { throw LocatorError("Invalid characters detected", locator: text) }
        let locator = try Locator(parsing: text)
        _ = try Selector(locator)
        return locator
    }

    /// The query's value of a name; nil when it is not there. Throws `RegistryError` for a broken query or a name given twice.
    func query(_ name: String) throws(RegistryError) -> String? {
        let values = try queries(name)
        guard values.count <= 1 else { throw RegistryError("the query has \(name) twice", code: .invalidQuery) }
        return values.first
    }

    /// All of the query's values of a name. Throws `RegistryError` for a broken query.
    func queries(_ name: String) throws(RegistryError) -> [String] {
        guard let items = request.queryItems else { throw RegistryError("the query has a broken escape", code: .invalidQuery) }
        return items.filter { $0.name == name }.map(\.value)
    }

    /// A whole number of the query. Throws `RegistryError`.
    func number(_ name: String, default fallback: Int, in range: ClosedRange<Int>) throws(RegistryError) -> Int {
        guard let text = try query(name) else { return fallback }
        let digits = !text.isEmpty && text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        // One that is too large for the machine is larger than any.
        guard digits, case let value = Int(text) ?? .max, range.contains(value) else {
            let most = range.upperBound == .max ? "0 or more" : "\(range.lowerBound) to \(range.upperBound)"
            throw RegistryError("\(name) must be a whole number, \(most)", code: .invalidQuery)
        }
        return value
    }

    /// `true` or `false`; false when it is not there. Throws `RegistryError`.
    func flag(_ name: String) throws(RegistryError) -> Bool {
        switch try query(name) {
        case nil, "false": false
        case "true": true
        default: throw RegistryError("\(name) must be true or false", code: .invalidQuery)
        }
    }
}
