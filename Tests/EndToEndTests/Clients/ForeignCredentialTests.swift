import Foundation
import RxModel
import RxTesting
import Testing

/// rx as a client of a docker-registry that asks for a name and a password.
@Suite struct ForeignCredentialTests {
    let registry: DockerRegistry
    let work: TemporaryFolder
    let alice: User

    private var secret: String { Data("\(DockerRegistry.account.name):\(DockerRegistry.account.password)".utf8).base64EncodedString() }

    init() throws {
        registry = try DockerRegistry(accounts: true)
        work = try TemporaryFolder()
        alice = try User(["RX_REGISTRY": registry.url, "HOME": "\(work.path)/nobody"])
        try work.write("hello/resource.json", #"{"name":"hello","path":"team","type":"text","tag":"1","description":"A greeting"}"#)
        try work.write("hello/content", "hello")
        try alice.rx("add", "./hello", in: work.path)
    }

    func login(_ user: User) throws {
        let ended = try user.login(registry.host, DockerRegistry.account.name, password: DockerRegistry.account.password)
        #expect(ended.status == 0, "\(ended.error)")
        #expect(!(ended.text + ended.error).contains(DockerRegistry.account.password))
    }

    @Test func `rx login opens every command, and rx logout closes it`() throws {
        let refused = try alice.run("push", "team/hello:1")
        #expect(refused.status == 1 && refused.error.contains("rx login \(registry.host)"), "\(refused.error)")
        try login(alice)
        let name = "\(registry.host)/team/hello"
        try alice.rx("push", "team/hello:1")
        try alice.rx("tag", "\(name):1", "\(name):stable")
        try alice.rx("copy", "\(name):1", "\(registry.host)/else/hello:1")
        #expect(try alice.rx("search", "hello").contains("team/hello:1"))
        #expect(try alice.rx("info", "\(name):stable").contains("A greeting"))
        try alice.rx("pull", "\(name):1")
        try alice.rx("logout", registry.host)
        let again = try alice.run("pull", "\(name):stable")
        #expect(again.status == 1 && again.error.contains("rx login \(registry.host)"), "\(again.error)")
    }

    @Test func `a registry that lets everybody read says nothing of a password`() throws {
        #expect(
            try !alice.login(registry.host, DockerRegistry.account.name, password: DockerRegistry.account.password).text.contains(
                "Not tried"))
        let open = try RegistryProcess()
        let ended = try alice.login(open.host, "anybody", password: "anything")
        #expect(ended.status == 0 && ended.text.contains("Not tried yet"), "\(ended.text)\(ended.error)")
    }

    @Test func `a wrong password is refused at once and not kept`() throws {
        for (name, password) in [(DockerRegistry.account.name, "wrong"), ("nobody", DockerRegistry.account.password)] {
            let ended = try alice.login(registry.host, name, password: password)
            #expect(ended.status == 1, "\(ended.text)")
            #expect(!ended.error.contains(password))
        }
        #expect(try alice.run("push", "team/hello:1").status == 1)
    }

    @Test func `a newline behind the password is none of it, and nobody else can read what is kept`() throws {
        let ended = try alice.login(registry.host, DockerRegistry.account.name, password: DockerRegistry.account.password + "\n")
        #expect(ended.status == 0, "\(ended.error)")
        try alice.rx("push", "team/hello:1")
        let readable = try run(
            "/bin/sh",
            [
                "-c", "find \"$1\" -type f -perm /077 -exec grep -l -e \"$2\" -e \"$3\" {} +", "sh", alice.home.path, secret,
                DockerRegistry.account.password,
            ])
        #expect(readable.text == "")
    }

    @Test func `what docker login wrote is used`() throws {
        try work.write("docker/.docker/config.json", #"{"auths":{"\#(registry.host)":{"auth":"\#(secret)"}}}"#)
        try push(home: "docker")
    }

    @Test func `a credential helper is asked`() throws {
        try work.write("helped/.docker/config.json", #"{"credHelpers":{"\#(registry.host)":"rx-test"}}"#)
        try work.write(
            "programs/docker-credential-rx-test",
            """
            #!/bin/sh
            read -r server
            test "$1" = get && test "$server" = "\(registry.host)" || exit 1
            printf '{"ServerURL":"%s","Username":"%s","Secret":"%s"}' "$server" \
            '\(DockerRegistry.account.name)' '\(DockerRegistry.account.password)'
            """, executable: true)
        let path = "\(work.path)/programs:" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")
        try push(home: "helped", ["PATH": path])
    }

    @Test func `netrc is read`() throws {
        let account = DockerRegistry.account
        let file = try work.write("net/.netrc", "machine 127.0.0.1 login \(account.name) password \(account.password)\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        try push(home: "net")
    }

    /// Pushes and pulls as the user whose home folder, with the files of other programs, is given.
    func push(home: String, _ more: [String: String] = [:]) throws {
        let environment = ["HOME": "\(work.path)/\(home)"].merging(more) { $1 }
        let pushed = try alice.run("push", "team/hello:1", environment: environment)
        #expect(pushed.status == 0, "\(pushed.error)")
        let bob = try User(environment)
        #expect(try bob.rx("ingest", "\(registry.host)/team/hello:1") == "hello")
    }
}
