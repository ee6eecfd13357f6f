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

    /// Whether the file system of `path` is another machine's or another process's, who may keep what was written in memory for longer than this
    /// machine runs, and give a file another inode each time that it is mounted: FUSE, virtiofs and 9p. Source: statfs(2).
    public static func isElsewhere(_ path: String) -> Bool { isElsewhere(type: rx_filesystem_type(path)) }

    static func isElsewhere(type: Int) -> Bool { [0x6573_5546, 0x0102_1997].contains(type) }

    /// Whether what is at `path` is the kernel's own word about itself and its processes (proc(5)), and no file that was put over it.
    static func isKernel(_ path: String) -> Bool { rx_filesystem_type(path) == 0x9FA0 }
}
