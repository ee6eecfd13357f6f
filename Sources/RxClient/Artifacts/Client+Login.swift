public import RxHTTP
import RxModel

extension Client {
    /// Tries a name and password on a registry and keeps them when it lets them in. Throws `RegistryError` when it does not; nothing is
    /// kept then. Gives whether they were tried: a registry that lets everybody read may ask only those who write.
    public func login(_ name: String, user: String, password: String) throws -> Bool {
        let registry = try self.registry(name)
        let credential = Credential.password(user: user, secret: password)
        let transport = AuthenticatingTransport(bareTransport, credentials: FixedCredential(credential, for: registry.authority))
        try DistributionClient(registry, transport: transport).check()
        let letsEverybodyIn = (try? DistributionClient(registry, transport: bareTransport).check()) != nil
        try CredentialStore(home: home).save(credential, for: registry.authority)
        return !letsEverybodyIn
    }

    /// Forgets what `login` kept for a registry. Throws `RegistryError` when nothing was.
    public func logout(_ name: String) throws -> RegistryURL {
        let registry = try self.registry(name)
        guard try CredentialStore(home: home).remove(registry.authority) else {
            let hosts = try CredentialStore(home: home).list().map(\.host).joined(separator: ", ")
            throw RegistryError(
                "Not logged in: \(registry.authority)", code: .notFound,
                hint: hosts.isEmpty ? "what other programs have saved is theirs to remove" : "logged in: \(hosts)")
        }
        return registry
    }
}
