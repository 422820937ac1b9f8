import DockerTypes
import Foundation
import Model
import Testing

/// The unmodified `docker` CLI against the server, whichever version this machine has.
@Suite(.timeLimit(.minutes(3)), .enabled(if: StockCLI.path != nil))
struct StockCLITests {
    @Test func `version negotiates the newest API that both speak and shows both sides`() async throws {
        try await ServerFixture.with { server in
            let own = try await server.docker(["version", "--format", "{{.Client.DefaultAPIVersion}}"])
            let client = try #require(APIVersion(own.output.filter { !$0.isNewline }), "\(own)")
            let (status, output, errors) = try await server.docker(["version"])
            #expect(status == 0, "\(errors)")
            #expect(output.contains("API version:       \(min(client, APIVersion.newest))"), "\(output)")
            #expect(output.contains("Server: Apus"))
            #expect(output.contains("runc:"))
            let info = try await server.docker(["info"])
            #expect(info.status == 0, "\(info.errors)")
            #expect(info.output.contains("Server Version: 0.1"))
            // Of what older ones miss in an answer they make warnings.
            #expect(!info.errors.contains("WARNING"), "\(info.errors)")
        }
    }

    @Test func `run gives its input to the process and ends with its exit code`() async throws {
        try await ServerFixture.with { server in
            let echo = try await server.docker(["run", "-i", "--rm", "busybox", "cat"], input: "hello\nworld\n")
            #expect(echo.status == 0, "\(echo.errors)")
            #expect(echo.output == "hello\nworld\n")
            let failing = try await server.docker(["run", "--rm", "busybox", "exit", "42"])
            #expect(failing.status == 42)
            #expect(failing.output == "o\n")
            #expect(failing.errors == "e\n")
            let detached = try await server.docker(["run", "-d", "--name", "web", "-p", "8088:80", "busybox", "sleep"])
            #expect(detached.status == 0, "\(detached.errors)")
            #expect(detached.output.count == 65)
        }
    }

    @Test func `exec passes input, both outputs and the exit code`() async throws {
        try await ServerFixture.with { server in
            _ = try await server.docker(["run", "-d", "--name", "web", "busybox", "sleep"])
            for code in [0, 3, 7] {
                let ran = try await server.docker(["exec", "web", "exit", "\(code)"])
                #expect(ran.status == Int32(code))
                #expect(ran.output == "o\n" && ran.errors == "e\n")
            }
            let piped = try await server.docker(
                ["exec", "-i", "web", "cat"], input: String(repeating: "0123456789", count: 50_000))
            #expect(piped.output.count == 500_000, "\(piped.errors)")
            #expect(piped.status == 0)
            let missing = try await server.docker(["exec", "web", "nosuch"])
            #expect(missing.output.contains("executable file not found"))
            #expect(missing.status == 127)
            let unknown = try await server.docker(["exec", "nosuch", "true"])
            #expect(unknown.errors.contains("No such container: nosuch") && unknown.status == 1)
        }
    }

    @Test func `lists are shown, formatted and filtered`() async throws {
        try await ServerFixture.with { server in
            _ = try await server.docker(["run", "-d", "--name", "web", "--label", "a=b", "busybox", "sleep"])
            _ = try await server.docker(["run", "-d", "--name", "other", "busybox", "sleep"])
            let table = try await server.docker(["ps", "--filter", "name=we"])
            #expect(table.status == 0, "\(table.errors)")
            #expect(table.output.contains("0.0.0.0:8088->80/tcp") && table.output.contains("web"))
            #expect(!table.output.contains("other"))
            let names = try await server.docker([
                "ps", "-a", "-n", "5", "--format", "{{.Names}} {{.Status}} {{.Label \"a\"}}",
            ])
            #expect(names.output.contains("web Up 4 seconds b\n"), "\(names)")
            #expect(await server.engine.lastQuery?.limit == 5)
            let bad = try await server.docker(["ps", "--filter", "bogus=1"])
            #expect(bad.errors.contains("invalid filter 'bogus'"))
            let images = try await server.docker(["images", "--format", "{{.Repository}}:{{.Tag}} {{.ID}} {{.Size}}"])
            #expect(images.output == "busybox:latest abababababab 4.26MB\n", "\(images)")
            let networks = try await server.docker(["network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}}"])
            #expect(networks.output == "bridge bridge local\n")
            let inspected = try await server.docker([
                "inspect", "web", "--format", "{{.Config.Image}} {{.State.Running}}",
            ])
            #expect(inspected.output == "busybox true\n", "\(inspected)")
            let volumes = try await server.docker(["volume", "ls"])
            #expect(volumes.status == 0)
            #expect(try await server.docker(["rm", "-f", "web", "other"]).status == 0)
        }
    }

    @Test func `swarm objects are listed, and refused where there is no manager`() async throws {
        try await ServerFixture.with { server in
            let refused = try await server.docker(["node", "ls"])
            #expect(refused.status == 1 && refused.errors.contains("This node is not a swarm manager."))
            var swarm = SwarmInfo()
            swarm.localNodeState = "active"
            swarm.controlAvailable = true
            swarm.nodeID = "b2wobzwhvxkyusbn5r2xuekgk"
            await server.engine.set(swarm: swarm)
            let nodes = try await server.docker([
                "node", "ls", "--format", "{{.Hostname}} {{.Status}} {{.ManagerStatus}} {{.Self}}",
            ])
            #expect(nodes.output == "node-1 Ready Leader true\n", "\(nodes)")
            let services = try await server.docker([
                "service", "ls", "--format", "{{.Name}} {{.Mode}} {{.Replicas}} {{.Image}}",
            ])
            #expect(services.output == "web replicated 2/3 nginx:latest\n", "\(services)")
            let tasks = try await server.docker([
                "service", "ps", "web", "--format", "{{.Name}} {{.Node}} {{.DesiredState}}",
            ])
            #expect(tasks.output == "web.1 node-1 Running\n", "\(tasks)")
            let created = try await server.docker(["service", "create", "--detach", "--name", "web", "nginx"])
            #expect(created.output.hasPrefix("zrjvk8zc3tkcnhnsc9ngf2bsf"), "\(created)")
            #expect(try await server.docker(["secret", "ls"]).status == 0)
            #expect(
                try await server.docker(["network", "create", "--driver", "overlay", "--subnet", "10.9.0.0/24", "ov"])
                    .status == 0)
            #expect(await server.engine.createdNetworks.first?.ipam?.config?.first?.subnet == "10.9.0.0/24")
        }
    }

    @Test func `events until now are told and end`() async throws {
        try await ServerFixture.with { server in
            _ = try await server.docker(["run", "-d", "--name", "web", "busybox", "sleep"])
            let events = try await server.docker([
                "events", "--since", "1h", "--until", "0s", "--format", "{{.Type}} {{.Action}}",
            ])
            #expect(events.output == "container create\ncontainer start\n", "\(events)")
        }
    }

    @Test func `pull and load show their progress`() async throws {
        try await ServerFixture.with { server in
            let pulled = try await server.docker(["pull", "a.example/nginx:1"])
            #expect(pulled.status == 0 && pulled.output.contains("Status: Downloaded newer image"), "\(pulled)")
            let broken = try await server.docker(["pull", "broken"])
            #expect(broken.status == 1 && broken.errors.contains("digest mismatch"), "\(broken)")
            let loaded = try await server.docker(["load"], input: String(repeating: "x", count: 100_000))
            #expect(loaded.output.contains("Loaded image: x:1"), "\(loaded)")
            let none = try await server.docker(["image", "inspect", "nosuch"])
            #expect(none.status == 1 && none.errors.contains("No such image: nosuch"))
        }
    }
}
