import RxHTTP
public import RxLoader
public import RxModel

extension Client {
    /// Finds what a locator with a path behind it names: of the ways to read it, the first whose resource is here, else the first that a
    /// registry has. Throws what the first of them led to when none is found, and what keeps a configured registry from saying whether it has one:
    /// it might be that one. A host of that name that does not answer need not exist: in `tools:1/lib` it can be a name and its tag.
    public func bind(path text: String) throws -> (resource: StoredResource, at: LocatorPath) {
        let readings = try LocatorPath.readings(of: text)
        for reading in readings where try stored(reading.locator) != nil { return (try bind(reading.locator), reading) }
        var failure: (any Error)?
        for reading in readings {
            do { return (try bind(reading.locator), reading) } catch let error as RegistryError
                where [.resourceNotFound, .nameUnknown].contains(error.code) || error.code == .unreachable && !isConfigured(reading.locator)
            {
                failure = failure ?? error
            }
        }
        throw failure!
    }

    /// Whether a configured registry is asked for a locator.
    private func isConfigured(_ locator: Locator) -> Bool {
        guard let host = locator.registry else { return true }
        return registries.contains { (try? $0.get().authority) == host }
    }
}
