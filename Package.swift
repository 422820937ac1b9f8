// swift-tools-version: 6.2
import PackageDescription

// The targets are listed from the bottom layer to the top; ARCHITECTURE.md has the same table with what each is for.
// An import that is not listed here, or that points up, fails the tidy test.

let strictTests: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]
// Not for tests: which module the members of C's structures are counted to depends there on the files that are compiled together.
let strict = strictTests + [.enableUpcomingFeature("MemberImportVisibility")]

// The tests are found in the compiler's index. Who builds without one, as CI does, has them alone indexed.
let indexed: [SwiftSetting] =
    Context.environment["APUS_INDEX_TESTS"] == nil
    ? [] : [.unsafeFlags(["-index-store-path", "\(Context.packageDirectory)/.build/debug/index/store"])]

func library(
    _ name: String, _ own: [String] = [], _ packages: [Target.Dependency] = [], exclude: [String] = []
) -> Target {
    .target(
        name: name, dependencies: own.map { .target(name: $0) } + packages, path: "Sources/\(name)", exclude: exclude,
        swiftSettings: strict)
}

func program(_ name: String, _ own: [String], _ packages: [Target.Dependency] = []) -> Target {
    .executableTarget(
        name: name, dependencies: own.map { .target(name: $0) } + packages, path: "Sources/\(name)",
        swiftSettings: strict)
}

func tests(_ name: String, _ own: [String], _ packages: [Target.Dependency] = [], resources: [Resource] = []) -> Target
{
    .testTarget(
        name: name, dependencies: (own + ["TestKit"]).map { .target(name: $0) } + packages, path: "Tests/\(name)",
        resources: resources, swiftSettings: strictTests + indexed)
}

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioFoundation = Target.Dependency.product(name: "NIOFoundationCompat", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioReloading = Target.Dependency.product(name: "NIOCertificateReloading", package: "swift-nio-extras")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypes1 = Target.Dependency.product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdHTTP2 = Target.Dependency.product(name: "HummingbirdHTTP2", package: "hummingbird")
let grpcCore = Target.Dependency.product(name: "GRPCCore", package: "grpc-swift-2")
let grpcTransport = Target.Dependency.product(name: "GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport")
let grpcProtobuf = Target.Dependency.product(name: "GRPCProtobuf", package: "grpc-swift-protobuf")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let sqlite = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let hashTrees = Target.Dependency.product(name: "HashTreeCollections", package: "swift-collections")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

let package = Package(
    name: "apus",
    products: [
        .executable(name: "apusd", targets: ["apusd"]),
        .executable(name: "apus", targets: ["apus"]),
        .executable(name: "apus-esp", targets: ["apus-esp"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.0"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.0"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // 0: C headers, pure values, faults
        .target(name: "CLinux", path: "Sources/CLinux"),
        .systemLibrary(name: "CNFTables", pkgConfig: "libnftables", providers: [.apt(["libnftables-dev"])]),
        .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CESP", path: "Sources/CESP", linkerSettings: [.linkedLibrary("crypto")]),
        // The page is part of the program: `#embed` (C23) takes the files in, and knows when one has changed.
        .target(name: "CDashboardAssets", path: "Sources/CDashboardAssets"),
        library("Addressing"),
        library("Faults"),
        // 1: the domain's values, and Linux as it is
        library("Model", ["Addressing", "Faults"]),
        library("Concurrency"),
        library("PeerNames", [], [nioCore, nioSSL]),
        library("LinuxSystem", ["Concurrency", "CLinux", "Addressing", "Faults"]),
        library("Netlink", ["Concurrency", "LinuxSystem", "CLinux", "Addressing", "Faults"]),
        library("Nftables", ["CNFTables", "Netlink", "LinuxSystem", "CLinux", "Addressing", "Faults"], [crypto]),
        library("OCI", ["Faults"], [crypto]),
        library("Templates"),
        // 2: what the parts speak through
        library("EngineInterface", ["Model", "Addressing", "Faults"], [nioCore]),
        library("StateStore", ["Concurrency", "Model", "Faults"]),
        // 3: one subsystem each
        library("DockerMessages", ["EngineInterface", "Templates", "Model", "Addressing", "Faults"]),
        library("LocalStore", ["Concurrency", "LinuxSystem", "Model", "Faults"], [sqlite]),
        library(
            "EtcdStore", ["StateStore", "Model", "Concurrency", "LinuxSystem", "CLinux", "Faults"],
            [grpcCore, grpcTransport, grpcProtobuf, protobuf, nioCore, nioHTTP2, crypto, log]),
        library(
            "Images",
            [
                "EngineInterface", "OCI", "Concurrency", "PeerNames", "LinuxSystem", "CLinux", "CArchive", "Model",
                "Faults",
            ],
            [httpClient, nioCore, nioPosix, nioHTTP1, nioSSL, nioFoundation, crypto, log]),
        library(
            "ContainerRuntime", ["OCI", "Concurrency", "LinuxSystem", "CLinux", "Model", "Faults"],
            [nioCore, nioPosix, log]),
        library(
            "DataPlane",
            ["Netlink", "Nftables", "Concurrency", "LinuxSystem", "CLinux", "Model", "Addressing", "Faults"], [log]),
        library(
            "NameService", ["Concurrency", "LinuxSystem", "CLinux", "Addressing", "Faults"],
            [nioCore, nioPosix, log]),
        library(
            "Orchestration", ["EngineInterface", "StateStore", "Concurrency", "Model", "Addressing", "Faults"],
            [hashTrees, heap, log]),
        library(
            "NodeProtocol", ["EngineInterface", "Model", "Addressing", "Faults"],
            [grpcCore, grpcTransport, grpcProtobuf, protobuf, nioCore, nioFoundation]),
        library("Logs", ["Model", "Concurrency", "LinuxSystem", "CLinux", "CZlib", "Faults"], [nioCore, log]),
        library(
            "LogDrivers",
            [
                "Logs", "EngineInterface", "Templates", "Concurrency", "PeerNames", "LinuxSystem", "CLinux", "CZlib",
                "Model", "Addressing", "Faults",
            ],
            [nioCore, nioPosix, nioSSL, nioFoundation, nioHTTP1, httpClient, protobuf, crypto, log]),
        library(
            "Telemetry", ["EngineInterface", "Model", "Concurrency", "LinuxSystem", "CLinux", "Faults"], [sqlite, log]),
        library("ESPControl", ["Concurrency", "LinuxSystem", "CLinux", "Addressing", "Faults"]),
        library("ESP", ["ESPControl", "LinuxSystem", "CLinux", "CESP", "Addressing", "Faults"]),
        library(
            "PathProbes",
            ["EngineInterface", "Netlink", "Concurrency", "LinuxSystem", "CLinux", "Addressing", "Faults"], [log]),
        // 4: a node, and the roles it has in a swarm
        library(
            "Engine",
            [
                "LocalStore", "Images", "ContainerRuntime", "DataPlane", "DockerMessages", "NameService", "Logs",
                "LogDrivers", "OCI", "Telemetry", "ESPControl", "PathProbes",
                "EngineInterface", "Netlink", "Concurrency", "LinuxSystem", "CLinux", "Model", "Addressing", "Faults",
            ],
            [nioCore, nioPosix, crypto, log, lifecycle]),
        library(
            "Cluster",
            [
                "Orchestration", "StateStore", "LocalStore", "EtcdStore", "NodeProtocol", "DockerMessages", "Logs",
                "EngineInterface", "Concurrency", "PeerNames", "LinuxSystem", "CLinux", "OCI", "Model", "Addressing",
                "Faults",
            ],
            [
                httpClient, nioHTTP1, nioFoundation, grpcCore, grpcTransport, grpcProtobuf, protobuf, nioCore, nioPosix,
                nioTLS, nioSSL, nioReloading, x509,
                asn1, crypto, log, lifecycle, heap,
            ]),
        // 5: edges
        library("DockerTypes", ["Model", "Addressing", "Faults"]),
        library(
            "DockerAPI", ["DockerMessages", "DockerTypes", "EngineInterface", "Model", "Addressing", "Faults"],
            [
                hummingbird, hummingbirdCore, nioCore, nioPosix, nioHTTP1, nioHTTPTypes, nioHTTPTypes1, httpTypes,
                nioFoundation, log, lifecycle,
            ]),
        library(
            "Dashboard",
            [
                "Cluster", "Telemetry", "DockerMessages", "DockerTypes", "EngineInterface", "Concurrency",
                "LinuxSystem", "CArchive", "CDashboardAssets", "OCI", "Orchestration", "Model", "Addressing", "Faults",
            ],
            [
                hashTrees, hummingbirdCore, hummingbirdHTTP2, nioCore, nioFoundation, nioTLS, nioSSL, httpTypes, crypto,
                cryptoExtras, log, lifecycle,
            ], exclude: ["Assets"]),
        library(
            "Lab", ["Concurrency", "LinuxSystem", "CLinux", "Netlink", "NameService", "Addressing", "Faults"],
            [nioCore, nioPosix, log]),
        library("DockerClient", ["Templates", "PeerNames"], [nioCore, nioPosix, nioSSL]),
        library(
            "Commands",
            [
                "DockerClient", "DockerTypes", "Lab", "Templates", "Concurrency", "LinuxSystem", "CLinux", "Model",
                "Addressing", "Faults",
            ], [arguments]),
        // 6: programs
        program(
            "apusd",
            [
                "Engine", "Cluster", "Dashboard", "DockerAPI", "Telemetry", "EngineInterface", "LinuxSystem", "CLinux",
                "Model", "Addressing", "Faults",
            ], [arguments, log, lifecycle, unixSignals, nioCore, nioPosix]),
        .executableTarget(
            name: "swarm-benchmark",
            dependencies: [
                "Engine", "Cluster", "Orchestration", "NodeProtocol", "PathProbes", "EtcdStore", "EngineInterface",
                "Concurrency", "LinuxSystem", "Model", "Addressing", arguments, log, nioPosix,
            ],
            path: "Benchmarks/swarm", swiftSettings: strict),
        .executableTarget(
            name: "history-benchmark", dependencies: ["Dashboard", "Telemetry", "LinuxSystem", arguments],
            path: "Benchmarks/history", swiftSettings: strict),
        program("apus-esp", ["ESP", "LinuxSystem", "CLinux", "Model"], [arguments]),
        program("apus", ["Commands"], [arguments]),
        // tests
        library(
            "TestKit",
            [
                "Concurrency", "DataPlane", "DockerMessages", "LinuxSystem", "CLinux", "Netlink", "Model", "Addressing",
                "Faults",
            ], [sqlite]),
        tests(
            "PureTests",
            [
                "Addressing", "Faults", "Netlink", "Nftables", "Model", "OCI", "NameService", "Orchestration",
                "StateStore", "DockerMessages",
                "DockerTypes", "Engine", "EngineInterface", "DataPlane", "ContainerRuntime", "Logs", "LinuxSystem",
                "Concurrency", "DockerClient", "Commands", "LogDrivers", "CZlib", "Templates", "Telemetry", "Dashboard",
                "ESPControl", "ESP", "CESP", "PathProbes", "Lab",
            ], [nioCore, crypto, log, arguments], resources: [.copy("DockerTypes/Recorded")]),
        tests(
            "KernelTests",
            [
                "LinuxSystem", "CLinux", "Netlink", "Nftables", "DataPlane", "ContainerRuntime", "Images", "OCI",
                "NameService", "Lab", "Addressing", "Model", "Faults", "Engine", "EngineInterface",
                "LocalStore", "Logs", "Concurrency", "Telemetry", "ESP", "ESPControl", "CESP", "PathProbes",
            ], [nioCore, nioPosix, log, x509, asn1, crypto]),
        tests(
            "ServiceTests",
            [
                "EtcdStore", "StateStore", "Engine", "Cluster", "NodeProtocol", "DockerMessages", "DockerAPI",
                "DockerClient",
                "DockerTypes",
                "EngineInterface", "LocalStore", "Logs", "Model", "Addressing", "Concurrency", "LinuxSystem", "CLinux",
                "Faults", "Orchestration", "Commands", "LogDrivers", "Templates", "Telemetry", "Dashboard",
                "PeerNames", "Images",
            ],
            [
                httpClient, nioCore, nioPosix, nioHTTP1, nioSSL, log, x509, asn1, crypto, grpcCore, grpcTransport,
                protobuf,
                lifecycle, sqlite,
            ],
            resources: [
                .copy("DockerAPI/operations.json"), .copy("DockerAPI/request-fields.json"), .copy("Commands/Requests"),
            ]),
        tests("TidyTests", [], []),
    ],
    swiftLanguageModes: [.v6]
)
