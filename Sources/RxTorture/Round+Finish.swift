import Glibc
import RxCrypto
import RxModel
import RxPosix
import Synchronization

extension Round {
    /// How long anything may take when nothing is made to fail.
    private static let longest = 30.0

    /// Starts everything again without a fault, and reads all that was ever put: before and after damaged blobs are put again, and
    /// after a collection that leaves nothing but what has a name.
    func finish() throws {
        let epoch = schedule.epochs
        // A clock that was ahead once, or was behind and is right again, has let leases end.
        for case .clock(let shifted, _) in schedule.elements { lapse(from: startOfEpoch(shifted), epoch: .max) }
        for number in 0...schedule.homes where Files.isFolder(store(number)) {
            guard let server = try serve(number) else { continue }
            defer {
                server.program.end(SIGKILL)
                server.program.wait()
            }
            let registry = self.registry(server.port, patience: Int(Round.longest))
            readAll(registry, number, epoch)
            heal(registry, number)
            readAll(registry, number, epoch)
            if number == 0 { lapse(from: Clock.monotonic, epoch: .max) }
            command(["gc", "--lease", "0"], number)
            readAll(registry, number, epoch)
            if let errors = command(["gc", "--dry-run", "--lease", "0", "--json"], number, wanting: "\"blobs\": 0") {
                complain("store \(number): a second collection finds more: \(errors)")
            }
            if setup.verifies {
                // What is derived may be damaged still, and no reader was told a lie by it.
                if hasSpoiltLeftovers(number) { command(["verify", "--repair"], number) }
                command(["verify"], number)
            }
            try lookAtFiles(number)
        }
    }

    private func hasSpoiltLeftovers(_ number: Int) -> Bool {
        schedule.elements.contains { if case .damage(_, number, .spoiltLeftover) = $0 { true } else { false } }
    }

    private func startOfEpoch(_ epoch: Int) -> Int {
        notes.withLock { epoch == 0 ? Int.min : $0.history.epochEnds[epoch - 1] }
    }

    /// The product as it is, with nothing in front of it.
    private func calmEnvironment(_ number: Int) -> [String: String] { ["PATH": "/usr/bin:/bin", "HOME": folder, "RX_HOME": store(number)] }

    private func serve(_ number: Int) throws -> (program: Program, port: Int)? {
        let program = try Program(
            setup.program, ["serve", "--data", store(number), "--host", host, "--port", "0"], environment: calmEnvironment(number),
            folder: folder)
        if let port = program.line(seconds: Round.longest).flatMap(Server.port) { return (program, port) }
        program.kill()
        program.wait()
        complain("store \(number) cannot be served any more: \(program.crash() ?? program.errors)")
        return nil
    }

    /// Runs a command that must succeed, and whose output must hold a text; gives the output when it does not.
    @discardableResult
    private func command(_ words: [String], _ number: Int, wanting text: String? = nil) -> String? {
        do {
            let program = try Program(setup.program, words, environment: calmEnvironment(number), folder: folder)
            let status = program.finish(seconds: Round.longest)
            if let crash = program.crash() { complain(crash) }
            if status != 0 { complain("store \(number): \(program.words) fails: status \(status) \(program.errors)\n\(program.text)") }
            guard let text, !program.text.contains(text) else { return nil }
            return program.text
        } catch {
            complain("\(words) cannot be started: \(error)")
            return nil
        }
    }

    /// Reads every name that there may be in a store.
    private func readAll(_ registry: Registry, _ number: Int, _ epoch: Int) {
        for isUpload in number == 0 ? [false, true] : [false] {
            for resource in 0..<Schedule.resources {
                for tag in 0..<Schedule.tags {
                    let start = Clock.monotonic
                    let (outcome, words) = registry.read(Round.repository(resource, isUpload), tag: "t\(tag)", contents)
                    note(
                        Event(
                            store: number, name: Round.name(resource, tag, isUpload: isUpload), kind: .read, outcome: outcome, start: start,
                            end: Clock.monotonic, epoch: epoch, words: words))
                }
            }
        }
        guard number == 0 else { return }
        for (version, content) in contents where wasUploadedAlone(version) {
            let start = Clock.monotonic
            let outcome: Event.Outcome =
                switch registry.read(content.files[0].digest, in: "blobs") {
                case .found: .found(version)
                // What is set aside is not there for a registry (STO-048); it fails until it is put again.
                case .absent: unhealed(store: 0).contains(content.files[0].digest) ? .failed : .absent
                case .broken: .broken(version)
                case .failed: .failed
                }
            note(
                Event(
                    store: 0, name: "blob \(version)", kind: .read, outcome: outcome, start: start, end: Clock.monotonic, epoch: epoch))
        }
    }

    func wasUploadedAlone(_ version: Int) -> Bool {
        schedule.elements.contains { if case .step(_, _, .uploadBlob(version, _), _, _) = $0 { true } else { false } }
    }

    /// Puts every damaged blob again: from then on it has to be whole.
    private func heal(_ registry: Registry, _ number: Int) {
        let damaged = notes.withLock { $0.history.damages }
        let files = contents.values.flatMap(\.files) + [Content.config]
        for (index, damage) in damaged.enumerated() where damage.store == number {
            guard let file = files.first(where: { $0.digest == damage.digest }) else { continue }
            guard registry.upload(file, to: "healed", inParts: false) else {
                complain("store \(number): a damaged blob cannot be put again: \(damage.digest)")
                continue
            }
            notes.withLock { $0.history.damages[index].healed = Clock.monotonic }
        }
    }

    /// The damaged blobs that were not put again yet.
    private func unhealed(store number: Int) -> Set<Digest> {
        Set(notes.withLock { $0.history.damages.filter { $0.store == number && $0.healed == nil }.map(\.digest) })
    }

    /// Looks at what is on the disk, by nobody's word but the files' own: every blob is what its name says, and nothing is left over.
    private func lookAtFiles(_ number: Int) throws {
        let root = store(number)
        let unhealed = unhealed(store: number)
        for path in try Files.tree("\(root)/blobs/sha256") {
            guard let digest = Digest(hex: path.suffix(64)), !unhealed.contains(digest) else { continue }
            if sha256(try Files.read(path)) != digest { complain("store \(number): the file of blob \(digest) has other bytes") }
        }
        for name in ["staging", "trash"] {
            let left = try Files.names(in: "\(root)/\(name)")
            if !left.isEmpty { complain("store \(number): \(left.count) left in \(name): \(left[0])") }
        }
    }
}
