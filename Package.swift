// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is built the same way: Swift 6 language mode, warnings as errors, explicit imports.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

/// A C library, loaded on first use: a command that does not need it does not pay for it.
func library(_ name: String) -> Target {
    .target(name: name, dependencies: ["CLazy"])
}

func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies + ["RxTesting", "RxModel"], swiftSettings: strict)
}

let package = Package(
    name: "rx",
    products: [
        .executable(name: "rx", targets: ["rx"]),
        .library(name: "Rx", targets: ["RxModel", "RxArchive", "RxStore", "RxLoader", "RxClient", "RxServer"]),
        // Loaded in front of the C library by `rx torture`; no part of what is installed.
        .library(name: "RxFaults", type: .dynamic, targets: ["CFaults"]),
    ],
    targets: [
        .target(name: "CPosix"),
        .target(name: "CFaults"),
        .target(name: "CLazy", linkerSettings: [.linkedLibrary("dl")]),
        library("CSQLite"), library("CCrypto"), library("CArchive"), library("CZlib"), library("CZstd"),
        library("CCurl"), library("CMicroHTTPD"),

        module("RxModel", []),
        module("RxPosix", ["RxModel", "CPosix"]),
        module("RxCrypto", ["RxModel", "CCrypto"]),
        module("RxHTTP", ["RxModel"]),
        module("RxArchive", ["RxModel", "CArchive", "CZlib", "CZstd"]),
        module("RxChunks", ["RxModel", "RxCrypto"]),
        module("RxStore", ["RxModel", "RxPosix", "RxCrypto", "RxChunks", "CSQLite"]),
        module("RxProtocol", ["RxModel", "RxHTTP"]),
        module("RxSource", ["RxModel", "RxPosix", "RxArchive"]),
        module("RxLoader", ["RxModel", "RxPosix", "RxCrypto", "RxHTTP"]),
        module(
            "RxServer",
            ["RxModel", "RxPosix", "RxCrypto", "RxChunks", "RxArchive", "RxHTTP", "RxProtocol", "RxStore", "RxLoader", "CMicroHTTPD"]),
        module(
            "RxClient",
            [
                "RxModel", "RxPosix", "RxCrypto", "RxChunks", "RxArchive", "RxHTTP", "RxProtocol", "RxStore", "RxSource", "RxLoader",
                "CCurl",
            ]),
        module("RxTorture", ["RxModel", "RxPosix", "RxCrypto", "CPosix"]),
        .target(
            name: "RxRun",
            dependencies: ["RxModel", "RxPosix", "RxCrypto", "RxHTTP", "RxProtocol", "RxStore", "RxLoader", "RxServer", "RxClient"],
            resources: [.embedInCode("Hooks")], swiftSettings: strict),
        .executableTarget(
            name: "rx",
            dependencies: [
                "RxModel", "RxPosix", "RxCrypto", "RxArchive", "RxHTTP", "RxProtocol", "RxStore", "RxSource", "RxLoader", "RxServer",
                "RxClient", "RxRun", "RxTorture",
            ],
            swiftSettings: strict),

        // What `make bench-loading` measures in process; no part of what is installed.
        .executableTarget(
            name: "rx-bench", dependencies: ["RxLoader", "RxModel", "RxServer"], path: "Tests/Benchmarks/RouterBench", swiftSettings: strict
        ),

        .target(
            name: "RxTesting", dependencies: ["RxModel", "RxPosix", "RxCrypto", "RxStore", "CMutexOrder"], path: "Tests/RxTesting",
            swiftSettings: strict),
        // Empty but in a build for the thread sanitizer.
        .target(name: "CMutexOrder", path: "Tests/Sanitizers/CMutexOrder"),
        tests("RxModelTests", ["RxCrypto"]),
        tests("RxPosixTests", ["RxPosix"]),
        tests("RxArchiveTests", ["RxArchive", "RxPosix", "RxCrypto"]),
        tests("RxChunksTests", ["RxChunks", "RxCrypto"]),
        tests("RxStoreTests", ["RxStore", "RxPosix", "RxCrypto", "RxChunks", "CSQLite"]),
        tests("RxSourceTests", ["RxSource", "RxLoader", "RxArchive", "RxCrypto", "RxPosix"]),
        tests("RxLoaderTests", ["RxLoader", "RxPosix", "RxCrypto", "RxHTTP"]),
        tests(
            "RxServerTests",
            ["RxServer", "RxLoader", "RxCrypto", "RxChunks", "RxHTTP", "RxProtocol", "RxStore", "RxArchive", "RxPosix"]),
        tests(
            "RxClientTests",
            ["RxClient", "RxLoader", "RxHTTP", "RxProtocol", "RxStore", "RxArchive", "RxCrypto", "RxChunks", "RxPosix"]),
        tests(
            "RxRunTests",
            ["RxRun", "RxPosix", "RxCrypto", "RxHTTP", "RxStore", "RxLoader", "RxClient", "RxServer"]),
        tests("RxTortureTests", ["RxTorture", "RxPosix", "RxCrypto"]),
        tests("CommandTests", ["rx", "RxStore"]),
        tests("DistributionTests", ["RxCrypto"]),
        tests("EndToEndTests", ["RxPosix", "RxClient", "RxLoader", "RxStore"]),
        tests("ArchitectureTests", []),
    ]
)

// The parsers' checks of Tests/Fuzz are tests; with RX_FUZZ set they are linked with the toolchain's libFuzzer instead (`make fuzz`).
let parsers: [Target.Dependency] = [
    "RxModel", "RxCrypto", "RxHTTP", "RxProtocol", "RxArchive", "RxChunks", "RxSource", "RxServer", "RxClient",
]
let inputs = ["CFuzzer", "README.md", "corpus", "regressions", "fuzz.py", "words.dict"]
if Context.environment["RX_FUZZ"] != nil {
    package.targets += [
        .target(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
        .executableTarget(
            name: "rx-fuzz", dependencies: parsers + ["CFuzzer"], path: "Tests/Fuzz", exclude: inputs + ["CorpusTests.swift"],
            swiftSettings: strict),
    ]
} else {
    package.targets.append(
        .testTarget(
            name: "FuzzTests", dependencies: parsers + ["RxTesting"], path: "Tests/Fuzz", exclude: inputs + ["main.swift"],
            swiftSettings: strict))
}
