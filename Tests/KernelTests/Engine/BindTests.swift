import Faults
import LinuxSystem
import TestKit
import Testing

@testable import Engine

@Suite(.timeLimit(.minutes(2))) struct BindTests {
    @Test func `a missing path is made for a bind, but no directory where a daemon's socket is to be`() async throws {
        try await EngineFixture.run { fixture in
            let (data, socket) = (fixture.directory + "/made/data", fixture.directory + "/made/docker.sock")
            _ = try await fixture.create(["true"]) { $0.hostConfig.binds = ["\(data):/data"] }
            #expect(Files.isDirectory(data))
            let refusal = APIError(
                .invalidInput, "invalid mount config for type \"bind\": bind source path does not exist: \(socket)")
            await #expect(throws: refusal) {
                try await told {
                    _ = try await fixture.create(["true"]) { $0.hostConfig.binds = ["\(socket):/var/run/docker.sock"] }
                }
            }
            #expect(!Files.exists(socket))
        }
    }
}
