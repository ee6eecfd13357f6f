import Glibc
import RxHTTP
import RxLoader
import RxModel
import RxPosix
import RxServer
import Synchronization

/// The resources that a program may have, as files below `/r/`: within its policy, and each file fetched when it is asked for.
final class BinderShelf: RawShelf {
    private let binder: ModuleBinder
    /// Why a reading of the path was not looked for.
    private let refusal = Mutex<(any Error)?>(nil)

    init(_ binder: ModuleBinder) { self.binder = binder }

    /// The answer to a request. Throws a `ResourceError`; the policy's when none of the path's readings is allowed and nothing else was found.
    func answering(_ request: HTTPRequest, rest: String) throws -> HTTPResponse {
        do { return try answer(to: request, rest: rest) } catch let error as RegistryError {
            guard error.code == .resourceNotFound, let refusal = refusal.withLock({ $0 }) else { throw error }
            throw refusal
        }
    }

    func resource(_ locator: Locator) throws -> RawResource? {
        do {
            let resource = try binder.open(named: locator)
            return RawResource(locator: resource.stored.locator.at(registry: nil), digest: resource.digest, tree: resource.tree)
        } catch let error as RegistryError {
            switch error.code {
            case .moduleRefused:
                // Of several readings the last is the shortest, and most likely the one that was meant.
                refusal.withLock { $0 = error }
                return nil
            case .resourceNotFound: return nil
            default: throw error
            }
        }
    }

    func body(of file: ResourceFile, in resource: RawResource) throws -> HTTPResponse.Body {
        let path = try binder.present(file.path, of: resource.digest)
        return .file(try FileDescriptor.open(path, O_RDONLY | O_NOFOLLOW), offset: 0, length: file.size)
    }
}
