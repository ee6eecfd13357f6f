import Foundation
import Testing

/// A registry with the 30 packages of one language that the programs in `Tests/Lazy` use, and the folder that they are run in.
public struct LazyPackages {
    /// The registry.
    public let registry: RegistryProcess
    /// An empty folder to run in: a lock that is recorded is there.
    public let work: TemporaryFolder
    /// The folder of the programs.
    public static let programs = repositoryRoot.appendingPathComponent("Tests/Lazy").path

    /// Publishes the packages of `language`.
    public init(_ language: String) throws {
        registry = try RegistryProcess()
        work = try TemporaryFolder()
        let sources = try TemporaryFolder()
        let made = try run("python3", ["\(LazyPackages.programs)/make_packages.py", sources.path])
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

    /// The names of all files in a user's views.
    public static func viewFiles(of user: User) throws -> [String] {
        try run("/usr/bin/find", ["\(user.home.path)/cache/views", "-type", "f"]).text.split(separator: "\n").map(String.init)
    }
}
