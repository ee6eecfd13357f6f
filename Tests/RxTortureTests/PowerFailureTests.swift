import Foundation
import RxTesting
import RxTorture
import Testing

/// What may be lost is what no sync has covered, and nothing else.
@Suite struct `A power failure` {
    private func bytes(_ notes: String) -> [Range<Int>] { PowerFailure(notes: notes).bytes.map(\.range) }
    private func names(_ notes: String) -> [String] { PowerFailure(notes: notes).names.map(\.path) }

    @Test func `forgets bytes that were not synced`() {
        #expect(bytes("W 7 0 100") == [0..<100])
        #expect(bytes("W 7 0 100\ns 1 7 /a/f\nS 1 7 /a/f") == [])
        #expect(bytes("W 7 0 100\nb 1\nB 1") == [])
        // A sync that has not ended, that failed, or that was of another file.
        #expect(bytes("W 7 0 100\ns 1 7 /a/f") == [0..<100])
        #expect(bytes("W 7 0 100\ns 1 7 /a/f\nE 1 7 /a/f") == [0..<100])
        #expect(bytes("W 7 0 100\ns 1 8 /a/g\nS 1 8 /a/g") == [0..<100])
        #expect(bytes("W 7 0 100\nb 1") == [0..<100])
    }

    @Test func `forgets what was written after the sync had begun`() {
        #expect(bytes("W 7 0 100\ns 1 7 /a/f\nW 7 100 50\nS 1 7 /a/f") == [100..<150])
        #expect(bytes("b 1\nW 7 0 1\nb 2\nB 1") == [0..<1])
        #expect(bytes("b 1\nW 7 0 1\nb 2\nB 2") == [])
    }

    @Test func `forgets what a failed sync was for, also when a later one succeeds`() {
        let failed = "W 7 0 100\ns 1 7 /a/f\nE 1 7 /a/f\ns 1 7 /a/f\nS 1 7 /a/f"
        #expect(bytes(failed) == [0..<100])
        #expect(bytes(failed + "\nW 7 0 100\ns 1 7 /a/f\nS 1 7 /a/f") == [])
        // Written again in parts, or but for parts.
        #expect(bytes(failed + "\nW 7 0 60\nW 7 60 100\ns 1 7 /a/f\nS 1 7 /a/f") == [])
        #expect(bytes("W 7 0 100\ns 1 7 /a/f\nW 7 0 60\nE 1 7 /a/f\ns 1 7 /a/f\nS 1 7 /a/f") == [60..<100])
        #expect(bytes(failed + "\nW 7 20 30\ns 1 7 /a/f\nS 1 7 /a/f") == [0..<20, 50..<100])
    }

    @Test func `knows how long a file is for sure`() {
        func length(_ notes: String) -> Int { PowerFailure(notes: notes).length(7) }
        #expect(length("W 7 0 100") == 0)
        #expect(length("W 7 0 100\ns 1 7 /a/f\nS 1 7 /a/f\nW 7 0 200") == 100)
        #expect(length("W 7 0 100\ns 1 7 /a/f\nE 1 7 /a/f") == 0)
        #expect(length("W 7 0 100\nb 1\nB 1\nW 7 100 5") == 100)
    }

    @Test func `forgets what a failed sync of everything was for, unless its file was synced`() {
        let failed = "W 7 0 100\nb 1\nX 1"
        #expect(bytes(failed) == [0..<100])
        #expect(bytes(failed + "\nb 1\nB 1") == [0..<100])
        #expect(bytes(failed + "\ns 1 7 /a/f\nS 1 7 /a/f") == [])
        #expect(bytes(failed + "\ns 1 7 /a/f\nE 1 7 /a/f") == [0..<100])
        #expect(bytes(failed + "\nW 7 0 100\nb 1\nB 1") == [])
        #expect(bytes("W 7 0 100\nb 2\nB 2\nb 1\nX 1") == [])
        // A name is what its folder says, not what bytes of it were lost.
        #expect(names("N 7 0 /a/f\nb 1\nX 1\nb 1\nB 1") == [])
        #expect(names("N 7 0 /a/f\nb 1\nX 1") == ["/a/f"])
    }

    @Test func `forgets names until their folder was synced`() {
        #expect(names("N 7 0 /a/f") == ["/a/f"])
        #expect(names("N 7 0 /a/f\ns 1 7 /a/f\nS 1 7 /a/f") == ["/a/f"])
        #expect(names("N 7 0 /a/f\ns 1 2 /a\nS 1 2 /a") == [])
        #expect(names("N 7 0 /a/b/f\ns 1 2 /a\nS 1 2 /a") == ["/a/b/f"])
        #expect(names("N 7 0 /a/f\nb 1\nB 1") == [])
    }

    @Test func `knows what a name stood for when its folder was synced last`() {
        let twice = PowerFailure(notes: "N 7 3 /a/f\nN 8 7 /a/f").names
        #expect(twice.map(\.inode) == [8])
        #expect(twice.map(\.old) == [3])
        #expect(PowerFailure(notes: "N 7 3 /a/f\ns 1 2 /a\nS 1 2 /a\nN 8 7 /a/f").names.map(\.old) == [7])
    }

    @Test func `reads notes that were cut off`() {
        #expect(bytes("W 7 0 100\nW 7 1") == [0..<100])
        #expect(bytes("W 7 0 100\nS") == [0..<100])
    }

    @Test func `leaves files as a disk may leave them`() throws {
        for seed in 0..<40 {
            let folder = try TemporaryFolder()
            let file = try folder.write("store0/f", [UInt8](repeating: 1, count: 100))
            let other = try folder.write("store0/g", "new")
            try folder.write("kept/x", "old")
            func inode(_ path: String) throws -> Int {
                try #require(try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int)
            }
            let (f, g, old) = (try inode(file), try inode(other), try inode("\(folder.path)/kept/x"))
            try FileManager.default.moveItem(atPath: "\(folder.path)/kept/x", toPath: "\(folder.path)/kept/\(old)")
            let failure = PowerFailure(notes: "W \(f) 0 60\ns 1 \(f) \(file)\nS 1 \(f) \(file)\nW \(f) 60 40\nN \(g) \(old) \(other)")
            var chance = Chance(seed: UInt64(seed))
            try failure.strike(folder.path, &chance)
            let left = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
            #expect(left.prefix(60).elementsEqual([UInt8](repeating: 1, count: 60)))
            let end = [UInt8](left.dropFirst(60))
            #expect([[], [UInt8](repeating: 0, count: 40), [UInt8](repeating: 1, count: 40)].contains(end))
            #expect(["new", "old"].contains(try String(contentsOfFile: other, encoding: .utf8)))
        }
    }
}
