/// The codes of the OCI distribution specification v1.1, "Error Codes".
extension ErrorCode {
    /// A repository does not have a manifest.
    public static let manifestUnknown = ErrorCode(wire: "MANIFEST_UNKNOWN", status: 404)
    /// A manifest cannot be read.
    public static let manifestInvalid = ErrorCode(wire: "MANIFEST_INVALID", status: 400)
    /// A manifest names a blob or manifest that the repository does not have.
    public static let manifestBlobUnknown = ErrorCode(wire: "MANIFEST_BLOB_UNKNOWN", status: 400)
    /// There is no repository of a name.
    public static let nameUnknown = ErrorCode(wire: "NAME_UNKNOWN", status: 404)
    /// A text is no name of a repository.
    public static let nameInvalid = ErrorCode(wire: "NAME_INVALID", status: 400)
    /// A text is no tag.
    public static let tagInvalid = ErrorCode(wire: "TAG_INVALID", status: 400)
    /// There is no upload session of a name, or it has ended.
    public static let uploadUnknown = ErrorCode(wire: "BLOB_UPLOAD_UNKNOWN", status: 404)
    /// A part of an upload does not follow on what was received.
    public static let uploadInvalid = ErrorCode(wire: "BLOB_UPLOAD_INVALID", status: 416)
    /// A length is not the one that was promised.
    public static let sizeInvalid = ErrorCode(wire: "SIZE_INVALID", status: 400)
    /// An operation that a registry does not do.
    public static let unsupported = ErrorCode(wire: "UNSUPPORTED", status: 405)
    /// A registry wants to know who asks.
    public static let unauthorized = ErrorCode(wire: "UNAUTHORIZED", status: 401)
    /// A registry knows who asks, and refuses.
    public static let denied = ErrorCode(wire: "DENIED", status: 403)
}
