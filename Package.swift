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
    ],
    targets: [
        .target(name: "CPosix"),
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
        .executableTarget(
            name: "rx",
            dependencies: [
                "RxModel", "RxPosix", "RxCrypto", "RxArchive", "RxHTTP", "RxProtocol", "RxStore", "RxSource", "RxLoader", "RxServer",
                "RxClient",
            ],
            swiftSettings: strict),

        .target(
            name: "RxTesting", dependencies: ["RxModel", "RxPosix", "RxCrypto", "RxStore"], path: "Tests/RxTesting", swiftSettings: strict),
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
        tests("CommandTests", ["rx"]),
        tests("DistributionTests", ["RxCrypto"]),
        tests("EndToEndTests", ["RxPosix"]),
        tests("ArchitectureTests", []),
    ]
)
