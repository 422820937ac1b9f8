package import Model

/// The answer to `GET /info`: what the engine says, and the fields that are the same everywhere.
package struct InfoAnswer: Encodable, Sendable {
    private let info: SystemInfo
    private let parts: [String: String]

    /// - Parameter parts: Programs beneath the engine, name and version.
    package init(_ info: SystemInfo, parts: [(name: String, version: String)]) {
        self.info = info
        self.parts = Dictionary(parts, uniquingKeysWith: { first, _ in first })
    }

    private struct Commit: Encodable {
        let id: String
    }

    private enum CodingKeys: String, CodingKey {
        case httpProxy, httpsProxy, noProxy, containerdCommit, runcCommit, initCommit
    }

    package func encode(to encoder: any Encoder) throws {
        try info.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        for key in [CodingKeys.httpProxy, .httpsProxy, .noProxy] { try container.encode("", forKey: key) }
        try container.encode(Commit(id: ""), forKey: .containerdCommit)
        try container.encode(Commit(id: parts["runc"] ?? ""), forKey: .runcCommit)
        try container.encode(Commit(id: ""), forKey: .initCommit)
    }
}
