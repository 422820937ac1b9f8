import Glibc
import LinuxSystem
import Model
import TestKit
import Testing

@testable import Engine

/// Who of the host gets at what images and containers have.
@Suite(.timeLimit(.minutes(2))) struct DataRootTests {
    @Test func `nobody of the host gets into volumes, layers and roots, also where an earlier daemon let them`()
        async throws
    {
        let volume = Kept("")
        try await EngineFixture.run { fixture in
            var request = VolumeRequest()
            request.name = "vol"
            let place = try await fixture.engine.volumes.createVolume(request).mountpoint
            try Files.writeAtomically("secret", to: "\(place)/key", mode: 0o644)
            volume.withLock { $0 = place }
            _ = try await fixture.start(["sleep", "1000"]) { $0.hostConfig.binds = ["vol:/v"] }
            // The tests' directory is nobody else's either: what is looked at is the engine's.
            for path in Self.directories(fixture) + [
                fixture.engine.paths.root, fixture.directory, Files.parent(of: place),
            ] {
                #expect(chmod(path, 0o755) == 0)
            }
            #expect(try await Self.canRead("\(place)/key"))
        } restarted: { next in
            for path in Self.directories(next) + [next.engine.paths.root] {
                let mode = try #require(try Files.status(path)).st_mode & 0o7777
                #expect(mode == 0o700, "\(path): \(String(mode, radix: 8))")
            }
            let place = volume.withLock { $0 }
            #expect(try Files.text("\(place)/key") == "secret")
            #expect(try await !Self.canRead("\(place)/key"))
            // A container's own processes have it as before, whoever they are.
            let script = ["cat", "/v/key"]
            let id = try await next.start(script) { request in
                request.hostConfig.binds = ["vol:/v"]
                request.configuration.user = "1234"
            }
            #expect(try await next.engine.containers.waitForContainer(id, .notRunning).result().statusCode == 0)
            #expect(try Files.text(next.engine.paths.log(of: id))?.contains("secret") == true)
        }
    }

    private static func directories(_ fixture: EngineFixture) -> [String] {
        let paths = fixture.engine.paths
        return [
            paths.containers, paths.volumes, "\(paths.root)/layers", "\(paths.root)/snapshots",
            "\(paths.bundles)/containers",
        ]
    }

    /// Whether a user without privileges can read a file.
    private static func canRead(_ path: String) async throws -> Bool {
        let arguments = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "/bin/cat", path]
        return try await onThread {
            try Processes.spawn(
                SpawnRequest(executable: "/usr/bin/setpriv", arguments: arguments, environment: [], descriptors: []))
        }.wait().code == 0
    }
}
