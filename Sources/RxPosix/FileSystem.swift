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

    /// Whether the file system of `path` is known to be this kernel's own: what it keeps in memory ends with the run of the machine, and a file
    /// has the same inode whenever it is mounted. That is ext2 to ext4, XFS, Btrfs, F2FS and tmpfs; others may be kept by another machine, by
    /// another process, or by a file system below them. Source: statfs(2).
    public static func isLocal(_ path: String) -> Bool { isLocal(type: rx_filesystem_type(path)) }

    static func isLocal(type: Int) -> Bool { [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x0102_1994].contains(type) }

    /// Whether what is at `path` is the kernel's own word about itself and its processes (proc(5)), and no file that was put over it.
    static func isKernel(_ path: String) -> Bool { rx_filesystem_type(path) == 0x9FA0 }
}
