import DockerClient
import Model
import Templates

/// What a run of the program knows: the environment and where the engine is.
package struct Session: Sendable {
    /// This program's variables.
    package let environment: [String: String]
    let endpoint: Endpoint

    /// - Parameter global: What stands before the command.
    /// - Throws: `ExitError` for contexts, `DockerError.local` for a host that is none.
    package init(environment: [String: String], global: ParsedFlags) throws {
        self.environment = environment
        if let context = global.string("context") ?? Self.nonEmpty(environment["DOCKER_CONTEXT"]),
            context != "default", global.string("host") == nil
        {
            throw ExitError(1, "contexts are not supported: name the engine with --host or DOCKER_HOST")
        }
        let host =
            global.string("host") ?? Self.nonEmpty(environment["APUS_HOST"]) ?? environment["DOCKER_HOST"] ?? ""
        endpoint = try Endpoint(host, tls: Self.tls(environment, global))
    }

    /// Who calls, as far as the environment says; empty when it does not.
    var userName: String {
        ["SUDO_USER", "USER", "LOGNAME"].lazy.compactMap { Self.nonEmpty(environment[$0]) }.first ?? ""
    }

    private static func nonEmpty(_ text: String?) -> String? { text?.isEmpty == false ? text : nil }

    private static func tls(_ environment: [String: String], _ global: ParsedFlags) -> Endpoint.TLS? {
        let verifies = global.isSet("tlsverify", default: nonEmpty(environment["DOCKER_TLS_VERIFY"]) != nil)
        guard verifies || global.isSet("tls") else { return nil }
        let home = environment["HOME"] ?? "/root"
        let folder = nonEmpty(environment["DOCKER_CERT_PATH"]) ?? "\(home)/.docker"
        func file(_ flag: String, _ name: String) -> String {
            let path = global.string(flag) ?? "\(folder)/\(name)"
            return global.has(flag) || Paths.exists(path) ? path : ""
        }
        return Endpoint.TLS(
            authority: file("tlscacert", "ca.pem"), certificate: file("tlscert", "cert.pem"),
            key: file("tlskey", "key.pem"), verifies: verifies)
    }

    /// Asks the engine for the version both know, unless `DOCKER_API_VERSION` says it.
    func client() async throws -> DaemonClient {
        if let version = Self.nonEmpty(environment["DOCKER_API_VERSION"]) {
            return DaemonClient(
                endpoint: endpoint, version: version.hasPrefix("v") ? String(version.dropFirst()) : version)
        }
        return try await DaemonClient.negotiated(endpoint)
    }

    /// Told of nobody in particular.
    static let anonymous = ("X-Registry-Auth", "e30=")

    /// For a service's image: only where the user says that the nodes may have it.
    func credentials(ofServiceIn spec: ServiceSpec, handedOver: Bool) async throws -> (String, String) {
        let text = spec.taskTemplate.containerSpec?.image ?? ""
        // An id in place of a name has no registry.
        guard handedOver, let image = try? ImageName(parsing: text) else { return Self.anonymous }
        return try await credentials(for: image)
    }

    /// What an image's registry is told of who asks: what `login` has kept for it, or nobody in particular.
    func credentials(for image: ImageName) async throws -> (String, String) {
        try await CredentialStore(environment: environment).header(for: CredentialStore.server(of: image))
    }
}
