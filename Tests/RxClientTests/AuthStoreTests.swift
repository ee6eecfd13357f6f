import Foundation
import RxClient
import RxModel
import RxPosix
import RxTesting
import Testing

@testable import RxClient

@Suite struct `Where credentials come from` {
    let home: TemporaryFolder
    let store: CredentialStore

    init() throws {
        let home = try TemporaryFolder()
        self.home = home
        store = CredentialStore(home: "\(home.path)/rx") { $0 == "HOME" ? home.path : nil }
    }

    func find(_ host: String, _ store: CredentialStore? = nil) throws -> Credential? {
        var notes: [String] = []
        defer { #expect(notes == []) }
        return try (store ?? self.store).credential(for: host, notes: &notes)
    }

    @Test func `rx login's are kept for the user alone and forgotten again`() throws {
        #expect(try find("r.example") == nil && store.list() == [] && !store.remove("r.example"))
        try store.save(.password(user: "me", secret: "p\"ß"), for: "https://R.example:443/")
        try store.save(.identity(token: "t"), for: "localhost:5000")
        #expect(try find("r.example") == .password(user: "me", secret: "p\"ß"))
        #expect(try find("localhost:5000") == .identity(token: "t"))
        #expect(try find("localhost:5001") == nil && find("localhost") == nil)
        #expect(try store.list().map { "\($0.host) \($0.user ?? "-")" } == ["localhost:5000 -", "r.example me"])
        let path = CredentialStore.path("\(home.path)/rx")
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        #expect(try store.remove("r.example") && !store.remove("r.example"))
        #expect(try find("r.example") == nil && store.list().count == 1)
    }

    @Test func `many may log in at once and none is lost`() throws {
        let threads = (0..<8).map { number in
            RxPosix.Thread { [store] in try? store.save(.password(user: "u", secret: "p"), for: "h\(number).example") }
        }
        for thread in threads { thread.join() }
        #expect(try store.list().count == 8)
    }

    @Test func `a broken file is told without its words`() throws {
        try home.write("rx/credentials.json", #"{"registries":{"h.example":{"password":"s3cret"#)
        let error = registryError { try find("h.example") }
        #expect(error?.message == "\(home.path)/rx/credentials.json is not what rx login writes")
        #expect(error?.message.contains("s3cret") == false)
        #expect(throws: RegistryError.self) { try store.save(.bearer(token: "x"), for: "h.example") }
    }

    @Test func `Docker's are read under every spelling of a host`() throws {
        try home.write(
            ".docker/config.json",
            """
            {"auths":{"https://a.example/v1/":{"auth":"bWU6cDpx"},"b.example:5000":{"username":"u","password":"p"},
            "c.example":{"auth":"bWU6cA==","identitytoken":"idt"},"d.example":{"registrytoken":"rt"},"e.example":{},"f.example":{"auth":"bWU="}}}
            """)
        #expect(try find("a.example") == .password(user: "me", secret: "p:q"))
        #expect(try find("b.example:5000") == .password(user: "u", secret: "p") && find("b.example") == nil)
        #expect(try find("c.example") == .identity(token: "idt") && find("d.example") == .bearer(token: "rt"))
        #expect(try find("e.example") == nil && find("f.example") == nil)
        try store.save(.password(user: "own", secret: "p"), for: "a.example")
        #expect(try find("a.example")?.user == "own", "rx login comes first")
        let other = try TemporaryFolder()
        try other.write("config.json", #"{"auths":{"a.example":{"username":"x","password":"y"}}}"#)
        let elsewhere = CredentialStore(home: other.path) { $0 == "DOCKER_CONFIG" ? other.path : nil }
        #expect(try find("a.example", elsewhere)?.user == "x")
    }

    @Test func `a helper is asked on its standard input, and its troubles are noted`() throws {
        try home.write(
            "docker-credential-good",
            """
            #!/bin/sh
            [ "$*" = get ] || exit 3
            read host
            case $host in
                https://a.example) echo '{"ServerURL":"a","Username":"me","Secret":"p"}' ;;
                t.example) echo '{"Username":"<token>","Secret":"idt"}' ;;
                odd.example) echo 'odd' ;;
                *) echo 'credentials not found in native keychain'; exit 1 ;;
            esac

            """, executable: true)
        try home.write(
            ".docker/config.json",
            """
            {"auths":{"a.example":{},"file.example":{"username":"f","password":"p"}},"credsStore":"good",
            "credHelpers":{"bad.example":"none","evil.example":"../x"}}
            """)
        var store = store
        store.runHelper = { [path = home.path] in try Subprocess.run("\(path)/\($0)", $1, input: $2, seconds: 20) }
        #expect(try find("a.example", store) == .password(user: "me", secret: "p"))
        #expect(try find("t.example", store) == .identity(token: "idt"))
        #expect(try find("file.example", store)?.user == "f", "what the helper does not know may be in the file")
        #expect(try find("other.example", store) == nil)
        for (host, note) in [
            ("bad.example", "docker-credential-none cannot be asked: posix_spawn"), ("evil.example", "that cannot be one"),
            ("odd.example", "docker-credential-good answered something that is no credential"),
        ] {
            var notes: [String] = []
            #expect(try store.credential(for: host, notes: &notes) == nil)
            #expect(notes.count == 1 && notes[0].contains(note), "\(notes)")
        }
    }

    @Test func `netrc's are for the host they name and nobody else`() throws {
        try home.write(
            ".netrc",
            """
            # machine no.example login x password y
            machine a.example login me
              password "p \\"q\\"" machine b.example:5000 login five password 5
            machine B.example login plain password 1
            macdef init
              machine m.example login x password y

            machine c.example password only
            default login all password secret
            """)
        #expect(try find("a.example") == .password(user: "me", secret: "p \"q\""))
        #expect(try find("b.example:5000")?.user == "five" && find("b.example:6000")?.user == "plain")
        #expect(try find("c.example") == .password(user: "", secret: "only"))
        for host in ["no.example", "m.example", "other.example"] { #expect(try find(host) == nil) }
        try home.write("n", "machine n.example login n password n")
        let elsewhere = CredentialStore(home: home.path) { [path = home.path] in $0 == "NETRC" ? "\(path)/n" : nil }
        #expect(try find("n.example", elsewhere)?.user == "n")
    }
}
