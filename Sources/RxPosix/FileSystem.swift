import CPosix

/// What a path's file system can be trusted with.
public enum FileSystem {
    /// The name of the network file system that holds `path`; nil for a local one. Source: statfs(2).
    public static func unsuitable(_ path: String) -> String? {
        switch UInt32(truncatingIfNeeded: rx_filesystem_type(path)) {
        case 0x6969: "NFS"
        case 0x517B: "SMB"
        case 0xFF53_4D42: "CIFS"
        case 0xFE53_4D42: "SMB2"
        case 0x5346_414F: "AFS"
        default: nil
        }
    }
}
