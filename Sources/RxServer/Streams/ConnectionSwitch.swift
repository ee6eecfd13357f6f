import CMicroHTTPD

/// Stops a connection while somebody is waited for, and lets it go on. Used under the lock of whoever is waited for, so that a connection
/// goes on exactly as often as it was stopped.
struct ConnectionSwitch: @unchecked Sendable {
    private let connection: OpaquePointer

    init(_ connection: OpaquePointer) { self.connection = connection }

    /// Stops the connection; on its event thread.
    func suspend() { MHD_suspend_connection(connection) }

    /// Lets it go on; on any thread.
    func resume() { MHD_resume_connection(connection) }
}
