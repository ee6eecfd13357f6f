import RxModel
import RxStore
import RxTesting
import Testing

@Suite struct `Store contract` {
    @Test func `the disk store keeps every promise`() throws {
        let folder = try TemporaryFolder()
        var count = 0
        try StoreContract {
            count += 1
            return try DiskStore(at: "\(folder.path)/\(count)")
        }.check()
    }

    @Test func `the memory store keeps every promise`() throws {
        try StoreContract { MemoryStore() }.check()
    }

    @Test func `keeps manifests of any kind and what repositories show`() throws {
        let folder = try TemporaryFolder()
        var count = 0
        try ArtifactContract {
            count += 1
            return try DiskStore(at: "\(folder.path)/\(count)")
        }.check()
    }

    @Test func `keeps manifests of any kind and what repositories show, in memory too`() throws {
        try ArtifactContract { MemoryStore() }.check()
    }

    @Test func `puts many blobs into a repository`() throws {
        let folder = try TemporaryFolder()
        var count = 0
        try BatchContract {
            count += 1
            return try DiskStore(at: "\(folder.path)/\(count)")
        }.check()
    }

    @Test func `puts many blobs into a repository, in memory too`() throws {
        try BatchContract { MemoryStore() }.check()
    }

    @Test func `keeps what is pinned, retained and used, and says why`() throws {
        let folder = try TemporaryFolder()
        var count = 0
        try KeepingContract {
            count += 1
            return try DiskStore(at: "\(folder.path)/\(count)")
        }.check()
    }

    @Test func `keeps what is pinned, retained and used, and says why, in memory too`() throws {
        try KeepingContract { MemoryStore() }.check()
    }

    @Test func `keeps copies of which only some files are here`() throws {
        let folder = try TemporaryFolder()
        var count = 0
        try PartialContract {
            count += 1
            return try DiskStore(at: "\(folder.path)/\(count)")
        }.check()
    }

    @Test func `keeps copies of which only some files are here, in memory too`() throws {
        try PartialContract { MemoryStore() }.check()
    }
}
