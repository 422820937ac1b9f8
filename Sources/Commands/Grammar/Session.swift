import DockerClient

/// What a run of the program knows: the environment and where the engine is.
package struct Session: Sendable {
    package let environment: [String: String]
    let endpoint: Endpoint

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
    func client() async throws -> DockerClient {
        if let version = Self.nonEmpty(environment["DOCKER_API_VERSION"]) {
            return DockerClient(
                endpoint: endpoint, version: version.hasPrefix("v") ? String(version.dropFirst()) : version)
        }
        return try await DockerClient.negotiated(endpoint)
    }

    /// What a registry is told of who asks: nobody in particular.
    static let anonymous = ("X-Registry-Auth", "e30=")
}
