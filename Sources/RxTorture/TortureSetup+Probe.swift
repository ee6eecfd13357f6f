import Glibc
import RxModel
import RxPosix

extension TortureSetup {
    /// So long a probe may take, in seconds.
    private static let probeSeconds = 60.0

    /// Puts one resource into a store, and throws unless that works and the library has seen it: rounds in which nothing is put, or in which
    /// nothing can be made to fail, would find nothing and prove nothing.
    func probe() throws {
        let place = "\(folder)/probe"
        defer { try? Files.removeTree(place) }
        try Files.makeFolders("\(place)/source")
        for (name, text) in [("resource.json", #"{"name":"probe","type":"data","tag":"1"}"#), ("content", "probe")] {
            try FileDescriptor.open("\(place)/source/\(name)", O_WRONLY | O_CREAT, mode: 0o644).write(Array(text.utf8))
        }
        let counts = try FileDescriptor.open("\(place)/counts", O_RDWR | O_CREAT, mode: 0o644)
        _ = try retrying("ftruncate", counts.path) { ftruncate(counts.number, off_t(PointCounts.size)) }
        let adding = try Program(
            program, ["add", "\(place)/source"],
            environment: [
                "PATH": "/usr/bin:/bin", "HOME": place, "RX_HOME": "\(place)/store", "LD_PRELOAD": library,
                "RX_FAULTS": "root=\(place),counts=\(counts.path)",
            ], folder: folder)
        let status = adding.finish(seconds: TortureSetup.probeSeconds)
        guard status == 0, try Files.status("\(place)/store/blobs") != nil else {
            throw RegistryError(
                "\(program) cannot be tortured: what it adds is not stored (status \(status))", code: .internalError,
                hint: "name an rx that works with --program")
        }
        guard try PointCounts(reading: counts.path).passed(FaultPoint(.rename, .blobs)) > 0 else {
            throw RegistryError(
                "\(library) does not see the system calls of \(program): nothing would be made to fail", code: .internalError,
                hint: "build it with make faults, or name it with --library")
        }
    }
}
