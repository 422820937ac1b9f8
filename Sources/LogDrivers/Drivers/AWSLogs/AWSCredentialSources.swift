import EngineInterface
import FoundationEssentials
import LinuxSystem
import Model
import NIOCore
import NIOHTTP1

/// Where credentials are looked for, in the order of Amazon's own libraries: environment, web identity, shared file, container endpoint, instance.
struct AWSCredentialSources: Sendable {
    /// The daemon's.
    let environment: [String: String]
    /// `awslogs-credentials-endpoint`: a path at the container endpoint, which is then the only source.
    let endpointPath: String?
    let client: HTTPClients

    private static let containerEndpoint = "http://169.254.170.2"
    private static let instanceEndpoint = "http://169.254.169.254"
    private static let longestFile = 1 << 20

    struct NotFound: Error, CustomStringConvertible {
        let description: String
    }

    /// - Throws: why a source that is there gives none, or ``NotFound``.
    func find(region: String) async throws -> AWSCredentials {
        if let endpointPath { return try await container(Self.containerEndpoint + endpointPath) }
        if let access = value("AWS_ACCESS_KEY_ID"), let secret = value("AWS_SECRET_ACCESS_KEY") {
            return AWSCredentials(accessKey: access, secretKey: secret, sessionToken: value("AWS_SESSION_TOKEN"))
        }
        if let file = value("AWS_WEB_IDENTITY_TOKEN_FILE"), let role = value("AWS_ROLE_ARN") {
            return try await webIdentity(tokenFile: file, role: role, region: region)
        }
        if let found = try await sharedFile() { return found }
        if let path = value("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            return try await container(Self.containerEndpoint + path)
        }
        if let url = value("AWS_CONTAINER_CREDENTIALS_FULL_URI") { return try await container(url) }
        return try await instance()
    }

    /// The region that the instance is in.
    func instanceRegion() async throws -> String {
        let text = try await instanceText("/latest/meta-data/placement/region", token: try await instanceToken())
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != 47 }) else {
            throw NotFound(description: "Cannot determine region for awslogs driver")
        }
        return text
    }

    private func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

    // MARK: Files

    private func sharedFile() async throws -> AWSCredentials? {
        guard let path = value("AWS_SHARED_CREDENTIALS_FILE") ?? value("HOME").map({ "\($0)/.aws/credentials" }) else {
            return nil
        }
        let text = try await onThread { try Files.text(path, limit: Self.longestFile) }
        return text.flatMap { AWSCredentialForms.profile(value("AWS_PROFILE") ?? "default", in: $0) }
    }

    private func webIdentity(tokenFile: String, role: String, region: String) async throws -> AWSCredentials {
        let token = try await onThread { try Files.text(tokenFile, limit: Self.longestFile) }
        guard let token else { throw NotFound(description: "\(tokenFile): no such file or directory") }
        let fields = [
            ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("RoleArn", role),
            ("RoleSessionName", value("AWS_ROLE_SESSION_NAME") ?? "apus"),
            ("WebIdentityToken", token.filter { !$0.isWhitespace }),
        ]
        let body = fields.map { "\($0.0)=\(URLText.escaped($0.1))" }.joined(separator: "&")
        let url = value("AWS_ENDPOINT_URL_STS") ?? "https://sts.\(region).amazonaws.com"
        let reply = try await client.send(
            url + "/", headers: [("Content-Type", "application/x-www-form-urlencoded")], body: Array(body.utf8))
        guard reply.status == 200, let found = AWSCredentialForms.assumedRole(reply.body) else {
            throw NotFound(description: "web identity: \(reply.reason)")
        }
        return found
    }

    // MARK: Endpoints

    private func container(_ url: String) async throws -> AWSCredentials {
        var headers: [(name: String, value: String)] = []
        if let token = value("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
            headers.append(("Authorization", token))
        } else if let path = value("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            let token = try await onThread { try Files.text(path, limit: Self.longestFile) }
            headers.append(("Authorization", (token ?? "").filter { !$0.isNewline }))
        }
        let reply = try await client.send(url, method: .GET, headers: headers, deadline: .seconds(3))
        guard reply.status == 200, let found = AWSCredentialForms.served(reply.body) else {
            throw NotFound(description: "credentials endpoint: HTTP status \(reply.status)")
        }
        return found
    }

    private var instanceURL: String { value("AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? Self.instanceEndpoint }

    private func instance() async throws -> AWSCredentials {
        if value("AWS_EC2_METADATA_DISABLED")?.lowercased() == "true" {
            throw NotFound(description: "no AWS credentials were found")
        }
        let token: String
        do { token = try await instanceToken() } catch {
            throw NotFound(description: "no AWS credentials were found")
        }
        let path = "/latest/meta-data/iam/security-credentials/"
        let role = try await instanceText(path, token: token).prefix { !$0.isNewline }
        guard !role.isEmpty,
            let found = AWSCredentialForms.served(Array(try await instanceText(path + role, token: token).utf8))
        else { throw NotFound(description: "the instance has no role with credentials") }
        return found
    }

    /// Version 2 of the instance's metadata service: requests carry a token, which no request that a server was talked into making has.
    private func instanceToken() async throws -> String {
        let reply = try await client.send(
            instanceURL + "/latest/api/token", method: .PUT,
            headers: [("X-aws-ec2-metadata-token-ttl-seconds", "300")], deadline: .seconds(2))
        guard reply.status == 200 else {
            throw NotFound(description: "instance metadata: HTTP status \(reply.status)")
        }
        return String(decoding: reply.body, as: UTF8.self)
    }

    private func instanceText(_ path: String, token: String) async throws -> String {
        let reply = try await client.send(
            instanceURL + path, method: .GET, headers: [("X-aws-ec2-metadata-token", token)], deadline: .seconds(2))
        guard reply.status == 200 else {
            throw NotFound(description: "instance metadata: HTTP status \(reply.status)")
        }
        return String(decoding: reply.body, as: UTF8.self)
    }
}
