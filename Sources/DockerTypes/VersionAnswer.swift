package import Model

/// The answer to `GET /version`: the components, and the engine's own fields once more beside them.
package struct VersionAnswer: Codable, Sendable, Equatable {
    package var platform: Platform
    package var components: [Component]
    package var version: String
    package var apiVersion: String
    package var minAPIVersion: String
    package var gitCommit = ""
    package var goVersion = ""
    package var os: String
    package var arch: String
    package var kernelVersion: String
    package var buildTime = ""

    /// Whose engine it is, as `docker version` shows it.
    package struct Platform: Codable, Sendable, Equatable {
        package var name: String
    }
    /// A program that the engine consists of or uses.
    package struct Component: Codable, Sendable, Equatable {
        package var name: String
        package var version: String
        /// More about it, in words; clients show keys and values as they are.
        package var details: [String: String]?
    }

    /// - Parameter parts: Programs beneath the engine, name and version.
    package init(engine info: SystemInfo, parts: [(name: String, version: String)]) {
        version = info.serverVersion
        apiVersion = "\(APIVersion.newest)"
        minAPIVersion = "\(APIVersion.oldest)"
        os = info.systemType
        arch = Self.goArchitecture(info.architecture)
        kernelVersion = info.kernelVersion
        platform = Platform(name: "Apus")
        let details = [
            "ApiVersion": apiVersion, "Arch": arch, "Experimental": "\(info.experimentalBuild)",
            "KernelVersion": kernelVersion, "MinAPIVersion": minAPIVersion, "Os": os, "GitCommit": gitCommit,
            "GoVersion": goVersion, "BuildTime": buildTime,
        ]
        components =
            [Component(name: "Engine", version: info.serverVersion, details: details)]
            + parts.map { Component(name: $0.name, version: $0.version, details: ["GitCommit": ""]) }
    }

    /// Docker names architectures here as Go does, and in `/info` as uname(2) does.
    private static func goArchitecture(_ machine: String) -> String {
        switch machine {
        case "x86_64": "amd64"
        case "aarch64": "arm64"
        default: machine
        }
    }
}
