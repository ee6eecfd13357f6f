import Glibc
import RxCrypto
import RxModel
import RxPosix

/// An actor's step.
struct Step: Sendable {
    let epoch: Int
    let actor: Int
    let action: Action
    let fault: Fault?
    let killedAfter: Int?
}

extension Round {
    /// After so many seconds a command is killed: it waits for a server that is gone.
    private static let patience = 0.5

    func perform(_ step: Step) {
        switch step.action {
        case .push(let resource, let tag, let version, let server, _): push(step, resource, tag, version, server)
        case .add(let resource, let tag, let version): _ = add(step, resource, tag, version, fault: step.fault)
        case .upload(let resource, let tag, let version, let server, let parts): upload(step, resource, tag, version, server, parts)
        case .uploadBlob(let version, let server): uploadBlob(step, version, server)
        case .uploadMany(let version, let server): uploadMany(version, server)
        case .cancelUpload(let version, let server): cancelUpload(version, server)
        case .pull(let resource, let tag, let server, let target): pull(step, resource, tag, server, into: target)
        case .read(let resource, let tag, let server, let isUpload): read(step, resource, tag, server, isUpload)
        case .export(let resource, let tag, let target): export(step, resource, tag, into: target)
        case .delete(let resource, let tag, let server, let isUpload): delete(step, resource, tag, server, isUpload)
        case .remove(let resource, let tag): remove(step, resource, tag)
        case .collect(let store, let lease): collect(step, store, lease)
        }
    }

    /// Runs a command on a store; gives how it ended, nil for one that could not be started.
    func run(_ step: Step, store: Int, _ words: [String], fault: Fault?) -> (status: Int32, errors: String)? {
        let program: Program
        do {
            program = try Program(
                setup.program, words, environment: environment(store: store, epoch: step.epoch, faults: fault.map { [$0] } ?? []),
                folder: folder)
        } catch {
            complain("a command cannot be started: \(error)")
            return nil
        }
        let status = program.finish(seconds: step.killedAfter.map { Double($0) / 1000 } ?? Round.patience)
        if let crash = program.crash() { complain(crash) }
        return (status, program.errors)
    }

    /// Where a server listens; nil while it does not.
    func port(_ server: Int) -> Int? {
        let port = servers[server].port
        return port == 0 ? nil : port
    }

    /// The address of a server.
    func url(_ port: Int) -> String { "http://\(host):\(port)" }

    /// A plain client of it.
    func registry(_ port: Int, patience: Int = 1) -> Registry { Registry(wire: Wire(host: host, port: port, patience: patience)) }

    static func name(_ resource: Int, _ tag: Int, isUpload: Bool = false) -> String { "\(repository(resource, isUpload)):t\(tag)" }

    static func repository(_ resource: Int, _ isUpload: Bool) -> String { isUpload ? "o\(resource)" : "r\(resource)" }

    private func put(_ step: Step, store: Int, _ name: String, _ version: Int, from start: Int, isDone: Bool, _ words: String) {
        note(
            Event(
                store: store, name: name, kind: .put(version), outcome: isDone ? .done : .unknown, start: start, end: Clock.monotonic,
                epoch: step.epoch, words: words))
    }

    /// How a command ended that did not succeed.
    func words(_ step: Step, _ ended: (status: Int32, errors: String)) -> String {
        ended.status == 0 ? "" : "status \(ended.status) \(ended.errors)" + (step.fault.map { " (\($0))" } ?? "")
    }

    private func add(_ step: Step, _ resource: Int, _ tag: Int, _ version: Int, fault: Fault?) -> Bool {
        guard let content = contents[version] else { return false }
        let source = "\(folder)/source-\(version)"
        do { try content.write(to: source, name: Round.repository(resource, false), tag: "t\(tag)") } catch {
            complain("the source of version \(version) cannot be written: \(error)")
            return false
        }
        let start = Clock.monotonic
        guard let ended = run(step, store: step.actor + 1, ["add", source, "--quiet"], fault: fault) else { return false }
        put(step, store: step.actor + 1, Round.name(resource, tag), version, from: start, isDone: ended.status == 0, words(step, ended))
        return ended.status == 0
    }

    private func push(_ step: Step, _ resource: Int, _ tag: Int, _ version: Int, _ server: Int) {
        let isFirst = version.isMultiple(of: 2)
        guard add(step, resource, tag, version, fault: isFirst ? step.fault : nil), let port = port(server) else { return }
        let start = Clock.monotonic
        let name = Round.name(resource, tag)
        let command = ["push", name, "--registry", url(port), "--quiet"]
        guard let ended = run(step, store: step.actor + 1, command, fault: isFirst ? nil : step.fault) else { return }
        put(step, store: 0, name, version, from: start, isDone: ended.status == 0, words(step, ended))
    }

    private func upload(_ step: Step, _ resource: Int, _ tag: Int, _ version: Int, _ server: Int, _ parts: Bool) {
        guard let content = contents[version], let port = port(server) else { return }
        let start = Clock.monotonic
        let registry = self.registry(port)
        let isDone = registry.upload(content, to: Round.repository(resource, true), tag: "t\(tag)", inParts: parts)
        put(step, store: 0, Round.name(resource, tag, isUpload: true), version, from: start, isDone: isDone, "")
    }

    private func uploadBlob(_ step: Step, _ version: Int, _ server: Int) {
        guard let file = contents[version]?.files.first, let port = port(server) else { return }
        let start = Clock.monotonic
        let isDone = registry(port).upload(file, to: "blobs", inParts: false)
        put(step, store: 0, "blob \(version)", version, from: start, isDone: isDone, "")
    }

    /// Nobody is promised anything; what was received goes.
    private func cancelUpload(_ version: Int, _ server: Int) {
        guard let file = contents[version]?.files.first, let port = port(server) else { return }
        registry(port).cancel(file, to: "blobs")
    }

    /// More than the bytes that a registry lets wait (STO-062). Nobody asks for them again: they are there for what it does then.
    private func uploadMany(_ version: Int, _ server: Int) {
        guard let port = port(server) else { return }
        let registry = self.registry(port)
        var bytes = Chance(seed: schedule.seed &+ UInt64(version)).series(125_000)
        for number in 0..<36 {
            withUnsafeBytes(of: number) { bytes.replaceSubrange(0..<$0.count, with: $0) }
            guard registry.upload(Content.File(path: "", bytes: bytes, digest: sha256(bytes)), to: "many", inParts: false) else { return }
        }
    }

    /// Notes what came of reading a name.
    func noteRead(_ step: Step, store: Int, _ name: String, _ outcome: Event.Outcome, from start: Int, _ words: String) {
        note(
            Event(
                store: store, name: name, kind: .read, outcome: outcome, start: start, end: Clock.monotonic, epoch: step.epoch, words: words
            ))
    }

    private func read(_ step: Step, _ resource: Int, _ tag: Int, _ server: Int, _ isUpload: Bool) {
        guard let port = port(server) else { return }
        let start = Clock.monotonic
        let (outcome, words) = registry(port).read(
            Round.repository(resource, isUpload), tag: "t\(tag)", contents)
        noteRead(step, store: 0, Round.name(resource, tag, isUpload: isUpload), outcome, from: start, words)
    }

    private func delete(_ step: Step, _ resource: Int, _ tag: Int, _ server: Int, _ isUpload: Bool) {
        guard let port = port(server) else { return }
        let start = Clock.monotonic
        let name = Round.name(resource, tag, isUpload: isUpload)
        let status = registry(port).delete(Round.repository(resource, isUpload), tag: "t\(tag)")
        noteRemoval(
            step, name, from: start, isDone: status == 202, wasAbsent: status == 404, "DELETE: \(status.map(String.init) ?? "no answer")")
    }

    private func remove(_ step: Step, _ resource: Int, _ tag: Int) {
        let start = Clock.monotonic
        let name = Round.name(resource, tag)
        guard let ended = run(step, store: 0, ["remove", name], fault: step.fault) else { return }
        let wasAbsent = ended.status == 1 && ended.errors.contains("Resource not found")
        noteRemoval(step, name, from: start, isDone: ended.status == 0, wasAbsent: wasAbsent, words(step, ended))
    }

    private func noteRemoval(_ step: Step, _ name: String, from start: Int, isDone: Bool, wasAbsent: Bool, _ words: String) {
        if wasAbsent { return noteRead(step, store: 0, name, .absent, from: start, words) }
        note(
            Event(
                store: 0, name: name, kind: .remove, outcome: isDone ? .done : .unknown, start: start, end: Clock.monotonic,
                epoch: step.epoch, words: words))
    }

    private func collect(_ step: Step, _ store: Int, _ lease: Int?) {
        let start = Clock.monotonic
        let command = ["gc"] + (lease.map { ["--lease", $0 == 0 ? "0" : "\($0)s"] } ?? [])
        _ = run(step, store: store, command, fault: step.fault)
        if store == 0, lease != nil { lapse(from: start, epoch: step.epoch) }
    }

    /// From now on blobs without a manifest may be gone: their leases were shortened.
    func lapse(from start: Int, epoch: Int) {
        for version in contents.keys where wasUploadedAlone(version) {
            note(
                Event(
                    store: 0, name: "blob \(version)", kind: .remove, outcome: .unknown, start: start, end: Clock.monotonic, epoch: epoch,
                    words: "leases shortened"))
        }
    }
}
