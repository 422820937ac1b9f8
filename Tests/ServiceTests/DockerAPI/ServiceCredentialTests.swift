import Foundation
import Model
import Testing

@testable import DockerAPI

/// Credentials of registries that clients hand over for the nodes: on their way in, and never out.
@Suite(.timeLimit(.minutes(2))) struct ServiceCredentialTests {
    private static func managing(_ server: ServerFixture) async {
        var swarm = SwarmInfo()
        swarm.controlAvailable = true
        await server.engine.set(swarm: swarm)
    }

    private static func ask(_ server: ServerFixture, _ path: String, _ body: String, _ header: String) async throws
        -> String
    {
        try await ServerTests.ask(
            server, path, method: "POST", body: body, headers: "X-Registry-Auth: \(header)\r\n")
    }

    /// `{"password":"p"}`; `{}`, which clients send for none; a name alone; what cannot be read.
    @Test(arguments: [
        ("eyJwYXNzd29yZCI6InAifQ==", true), ("eyJwYXNzd29yZCI6InAifQ", true), ("e30=", false),
        ("eyJ1c2VybmFtZSI6InUifQ==", false), ("???", false),
    ])
    func `credentials of the header are the service's, without a warning`(header: String, areKept: Bool) async throws {
        try await ServerFixture.with { server in
            await Self.managing(server)
            let body = #"{"TaskTemplate":{"ContainerSpec":{"Image":"i"}}}"#
            let update = "/services/web/update?version=1"
            for path in ["/services/create", update, update + "&registryAuthFrom=previous-spec"] {
                let answer = try await Self.ask(server, path, body, header)
                #expect(answer.hasPrefix("HTTP/1.1 20") && !answer.contains("without credentials"), "\(answer)")
            }
            let asked = await server.engine.askedServices
            #expect(asked.map(\.origin) == [nil, .spec, .previousSpec])
            let kept = asked.map(\.spec.taskTemplate.registryAuth)
            #expect(kept == Array(repeating: areKept ? header : nil, count: 3))
        }
    }

    @Test(arguments: [("", "200"), ("none", "200"), ("previous", "200"), ("next", "400")])
    func `an update goes back where it says so, and not where it says none`(word: String, status: String) async throws {
        try await ServerFixture.with { server in
            await Self.managing(server)
            let answer = try await ServerTests.ask(
                server, "/services/web/update?version=1&rollback=\(word)", method: "POST",
                body: #"{"TaskTemplate":{"ContainerSpec":{"Image":"i"}}}"#)
            #expect(answer.hasPrefix("HTTP/1.1 \(status)"), "\(answer)")
            let rollbacks = await server.engine.rollbacks
            #expect(rollbacks == (status == "200" ? [word == "previous"] : []))
        }
    }

    @Test func `a body sets no credentials, whatever it has in their place`() async throws {
        try await ServerFixture.with { server in
            await Self.managing(server)
            for options in [
                #"{"RegistryAuth":"eyJwYXNzd29yZCI6InAifQ=="}"#, #"{"RegistryAuth":7}"#, "[]", "\"x\"", "null",
            ] {
                let body = #"{"TaskTemplate":{"ContainerSpec":{"Image":"i","PullOptions":\#(options)}}}"#
                for path in ["/services/create", "/services/web/update?version=1"] {
                    let answer = try await ServerTests.ask(server, path, method: "POST", body: body)
                    #expect(answer.hasPrefix("HTTP/1.1 20"), "\(answer)")
                }
            }
            let asked = await server.engine.askedServices
            #expect(asked.count == 10)
            #expect(asked.allSatisfy { $0.spec.taskTemplate.containerSpec?.pullOptions == nil })
        }
    }

    @Test func `credentials that are too large for a service are refused`() async throws {
        try await ServerFixture.with { server in
            await Self.managing(server)
            func header(_ bytes: Int) -> String {
                let document = #"{"password":"\#(String(repeating: "p", count: bytes))"}"#
                return Data(document.utf8).base64EncodedString()
            }
            let body = #"{"TaskTemplate":{"ContainerSpec":{"Image":"i"}}}"#
            for path in ["/services/create", "/services/web/update?version=1"] {
                let answer = try await Self.ask(server, path, body, header(PullOptions.mostBytes))
                #expect(
                    answer.hasPrefix("HTTP/1.1 400 ") && answer.contains("X-Registry-Auth is too large"), "\(answer)")
                #expect(try await Self.ask(server, path, body, header(4000)).hasPrefix("HTTP/1.1 20"))
            }
        }
    }

    @Test func `no answer shows a service's credentials`() async throws {
        try await ServerFixture.with { server in
            await Self.managing(server)
            for path in [
                "/services", "/services?status=true", "/services/web", "/services/web?insertDefaults=true", "/tasks",
            ] {
                let answer = try await ServerTests.ask(server, path)
                #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.contains("nginx:latest"), "\(answer)")
                #expect(!answer.contains("CREDENTIALS") && !answer.contains("PullOptions"), "\(answer)")
            }
        }
    }
}
