import Glibc
public import RxModel

/// A system call that failed, on what, and why.
public struct PosixError: ResourceError {
    /// The call, such as `open`.
    public let call: String
    /// What it was called on; empty when it is no file.
    public let path: String
    /// The error number.
    public let errno: Int32

    /// Describes a failed call.
    public init(_ call: String, _ path: String, errno: Int32) {
        self.call = call
        self.path = path
        self.errno = errno
    }

    /// `storageFull` when the device is full or over quota.
    public var code: ErrorCode {
        switch errno {
        case ENOSPC, EDQUOT: .storageFull
        default: .internalError
        }
    }

    /// Call, path, and the system's own words.
    public var message: String {
        let reason = String(cString: strerror(errno))
        return path.isEmpty ? "\(call): \(reason)" : "\(call) \(path): \(reason)"
    }

    public var hint: String? {
        switch errno {
        case ENOSPC, EDQUOT: "free some space (rx gc removes what nothing names) and run the same command again"
        case EACCES, EPERM: "check the owner and permissions of \(path)"
        default: nil
        }
    }
}

/// Runs a call that gives -1 on failure, again when a signal interrupted it. Throws `PosixError`.
@inline(__always)
package func retrying<Value: FixedWidthInteger>(_ name: StaticString, _ path: @autoclosure () -> String, _ call: () -> Value)
    throws(PosixError) -> Value
{
    while true {
        if let injected = Fault.next(name, path()) { throw PosixError(name.description, path(), errno: injected) }
        let value = call()
        if value != -1 { return value }
        let code = errno
        if code != EINTR { throw PosixError(name.description, path(), errno: code) }
    }
}

extension PosixError {
    /// Whether it failed because nothing is there.
    public var isMissing: Bool { errno == ENOENT || errno == ENOTDIR }

    /// Whether it failed because what is there is a symlink, a socket or a folder, where a file was to be opened.
    package var isOfNoFile: Bool { [ELOOP, ENXIO, EISDIR].contains(errno) }

    /// Whether it says something of the process, or of all that run, and nothing of the file: too many are open, or memory is short.
    package var isOfProcess: Bool { [EMFILE, ENFILE, ENOMEM, EINTR].contains(errno) }
}
