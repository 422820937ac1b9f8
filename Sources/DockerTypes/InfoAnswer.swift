package import Model

/// The answer to `GET /info`: what the engine says, and the fields that are the same everywhere.
package struct InfoAnswer: Encodable, Sendable {
    private let info: SystemInfo
    private let parts: [String: String]
    private let version: APIVersion

    /// - Parameters:
    ///   - parts: Programs beneath the engine, name and version.
    ///   - version: The API that the client speaks.
    package init(_ info: SystemInfo, parts: [(name: String, version: String)], version: APIVersion = .newest) {
        self.info = info
        self.version = version
        self.parts = Dictionary(parts, uniquingKeysWith: { first, _ in first })
    }

    private struct Commit: Encodable {
        let id: String
    }

    private enum CodingKeys: String, CodingKey {
        case httpProxy, httpsProxy, noProxy, containerdCommit, runcCommit, initCommit
        case kernelMemory, kernelMemoryTCP, bridgeNfIptables, bridgeNfIp6tables
    }

    package func encode(to encoder: any Encoder) throws {
        try info.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        for key in [CodingKeys.httpProxy, .httpsProxy, .noProxy] { try container.encode("", forKey: key) }
        try container.encode(Commit(id: ""), forKey: .containerdCommit)
        try container.encode(Commit(id: parts["runc"] ?? ""), forKey: .runcCommit)
        try container.encode(Commit(id: ""), forKey: .initCommit)
        // What later versions have no more. Older clients take a missing one for `false`, and warn of a fault that is none:
        // the kernel counts a container's kernel memory by itself, and no bridge of ours needs iptables.
        if version < APIVersion(1, 42) {
            for key in [CodingKeys.kernelMemory, .kernelMemoryTCP] { try container.encode(true, forKey: key) }
        }
        if version < APIVersion(1, 50) {
            for key in [CodingKeys.bridgeNfIptables, .bridgeNfIp6tables] { try container.encode(true, forKey: key) }
        }
    }
}
