package import RxHTTP
package import RxModel

/// Decides what happens to requests. Knows nothing of sockets or of the library that owns them.
package protocol HTTPHandler: Sendable {
    /// Called on an event thread with a request's head: must not wait for a disk, a lock held long, or another machine.
    func react(to request: HTTPRequest, id: String) -> Reaction
}

/// What becomes of a request.
package enum Reaction: Sendable {
    /// The answer is known.
    case answer(HTTPResponse)
    /// The answer takes a look at the store: runs on a thread for quick work, which may hand on what takes long.
    case work(@Sendable (_ respond: @escaping @Sendable (HTTPResponse) -> Void) -> Void)
    /// The body is wanted.
    case receive(any UploadReceiver)
    /// The body is wanted by a thread of its own, which reads it as it comes and gives the answer, at its end or before.
    case stream(TransferSlot, @Sendable (any ByteSource) -> HTTPResponse)
}

/// Takes a request's body. Released without `finish` when the client goes away.
package protocol UploadReceiver: AnyObject, Sendable {
    /// Takes the next bytes, on an event thread. A response ends the upload early: nothing more is passed on.
    func receive(_ bytes: UnsafeRawBufferPointer) -> HTTPResponse?

    /// Answers when all bytes came, on a thread for long work.
    func finish() -> HTTPResponse
}

/// What an HTTP server may take and how long it waits.
package struct HTTPLimits: Sendable {
    /// The longest request body in bytes.
    package var bodyBytes: Int
    /// The longest request head in bytes.
    package var headBytes: Int
    /// The most connections at a time.
    package var connections: Int
    /// How long a connection without traffic is kept.
    package var idleSeconds: Int
    /// How long requests may take to finish when the server stops.
    package var drainSeconds: Int

    package init(
        bodyBytes: Int = 1 << 30, headBytes: Int = 16 << 10, connections: Int = 10_000, idleSeconds: Int = 60, drainSeconds: Int = 10
    ) {
        self.bodyBytes = bodyBytes
        self.headBytes = headBytes
        self.connections = connections
        self.idleSeconds = idleSeconds
        self.drainSeconds = drainSeconds
    }
}
