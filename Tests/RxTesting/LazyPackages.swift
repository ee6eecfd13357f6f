import Foundation
import Testing

/// A registry with the 30 packages of one language that the programs in `Tests/Lazy` use, and the folder that they are run in.
public struct LazyPackages {
    /// The registry.
    public let registry: RegistryProcess
    /// An empty folder to run in: a lock that is recorded is there.
    public let work: TemporaryFolder
    /// Somebody who has none of them.
    public let user: User
    /// The folder of the programs.
    public static let programs = repositoryRoot.appendingPathComponent("Tests/Lazy").path

    /// Publishes the packages of `language`.
    public init(_ language: String) throws {
        registry = try RegistryProcess()
        work = try TemporaryFolder()
        user = try User(["RX_REGISTRY": registry.url])
        let sources = try TemporaryFolder()
        let made = try RxTesting.run("python3", ["\(LazyPackages.programs)/make_packages.py", sources.path])
        #expect(made.status == 0, "\(made.error)")
        let publisher = try User(["RX_REGISTRY": registry.url])
        for number in 0..<30 {
            let folder = "\(sources.path)/\(language)\(number < 10 ? "0" : "")\(number)"
            let definition = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: "\(folder)/resource.json")))
            let members = try #require(definition as? [String: Any])
            let name = [members["path"], members["name"]].compactMap { $0 as? String }.joined(separator: "/")
            try publisher.rx("add", folder)
            try publisher.rx("push", "\(name):1.0.0")
        }
    }

    /// Runs a command beneath `rx run` as the user.
    public func run(_ options: [String], _ command: [String]) throws -> Ended {
        try RxTesting.run(
            rxBinary, ["run"] + options + ["--"] + command, in: work.path,
            environment: ["RX_HOME": user.home.path, "RX_REGISTRY": registry.url], seconds: 300)
    }

    /// The names of all files in a user's views.
    public static func viewFiles(of user: User) throws -> [String] {
        try RxTesting.run("/usr/bin/find", ["\(user.home.path)/cache/views", "-type", "f"]).text.split(separator: "\n").map(String.init)
    }
}
