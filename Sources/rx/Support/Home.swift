import RxClient
import RxModel
import RxPosix
import RxStore

/// Where this user's resources and configuration are.
enum Home {
    /// `RX_HOME`, else `~/.rx`. Throws `UsageError` for a path that is not UTF-8.
    static var path: String {
        get throws(UsageError) {
            let own = Host.environment("RX_HOME") ?? ""
            let name = own.isEmpty ? "HOME" : "RX_HOME"
            guard Host.isText(name) else {
                throw UsageError(message: "\(name) is not UTF-8 text", hint: "set RX_HOME to a folder whose path is UTF-8")
            }
            return own.isEmpty ? "\(Host.home)/.rx" : own
        }
    }

    /// The client over the home's store, or over the one in the folder that `--data` names, which must be there. Throws `RegistryError` or
    /// `PosixError` when it cannot be used.
    static func client(_ invocation: Invocation) throws -> Client {
        let folder = invocation.value(.data)
        if let folder { try DiskStore.checkPresent(in: folder) }
        return try Client(
            home: folder ?? path, environment: Environment.registry, version: Version.text, progress: ProgressDisplay.make(invocation))
    }
}

/// What the environment says of the registry to use.
enum Environment {
    /// The value of `RX_REGISTRY`, else of `RESOURCEX_REGISTRY`; nil when neither is set, empty for no registry at all.
    static var registry: String? { Host.environment("RX_REGISTRY") ?? Host.environment("RESOURCEX_REGISTRY") }
}
