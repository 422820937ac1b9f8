import Commands
import DockerClient
import LinuxSystem
import Model
import TestKit
import Testing
@testable import Templates

@Suite struct CredentialStoreTests {
    @Test
    func `credentials are kept beside what else the file says, found under a registry's other names, and forgotten`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let path = directory + "/config.json"
            try Files.writeAtomically(
                #"{"detachKeys":"ctrl-x","auths":{"https://old.test/v2/":{"auth":"YTpiOmM="}}}"#, to: path)
            let store = CredentialStore(environment: ["DOCKER_CONFIG": directory])
            let old = try #require(try await store.credentials(for: "old.test"))
            #expect(old.username == "a" && old.password == "b:c" && old.serveraddress == "old.test")
            #expect(try await store.credentials(for: "other.test") == nil)
            #expect(try await store.store(username: "u", password: "p", token: "", for: CredentialStore.hub))
            #expect(
                try await store.credentials(for: CredentialStore.server(of: try ImageName(parsing: "nginx")))?.username
                    == "u")
            #expect(try await store.store(username: "u", password: "p", token: "t", for: "r.test:5000"))
            let token = try await store.credentials(
                for: CredentialStore.server(of: try ImageName(parsing: "r.test:5000/x")))
            #expect(token?.identitytoken == "t" && token?.serveraddress == "r.test:5000" && token?.username == nil)
            let written = try JSON(parsing: Array((try Files.text(path) ?? "").utf8))
            #expect(written["detachKeys"] == "ctrl-x" && written["auths"].members.count == 3)
            #expect(try #require(try Files.status(path)).st_mode & 0o777 == 0o600)
            for server in ["old.test", "r.test:5000", CredentialStore.hub] { #expect(try await store.erase(server)) }
            #expect(try await !store.erase("old.test"))
        }
    }

    @Test(arguments: ["", "docker.io", "https://index.docker.io/v1/", "registry-1.docker.io"])
    func `Docker's registry has one key`(_ name: String) {
        #expect(CredentialStore.server(named: name) == "https://index.docker.io/v1/")
    }

    @Test func `a helper keeps them where the file names one`() async throws {
        try await withTemporaryDirectory { directory in
            try Files.writeAtomically(#"{"credsStore":"test"}"#, to: directory + "/config.json")
            let helper = """
                #!/bin/sh
                case $1 in
                store) cat >\(directory)/kept ;;
                get) read -r server
                    [ -e \(directory)/kept ] || { echo "credentials not found in native keychain"; exit 1; }
                    cat \(directory)/kept ;;
                erase) rm \(directory)/kept ;;
                esac
                """
            try Files.writeAtomically(helper, to: directory + "/docker-credential-test", mode: 0o755)
            let store = CredentialStore(
                environment: ["DOCKER_CONFIG": directory, "PATH": "\(directory):/usr/bin:/bin"])
            #expect(try await store.credentials(for: "r.test") == nil)
            #expect(try await !store.store(username: "u", password: "p", token: "", for: "r.test"))
            let kept = try #require(try await store.credentials(for: "r.test"))
            #expect(kept.username == "u" && kept.password == "p" && kept.serveraddress == "r.test")
            #expect(try await store.erase("r.test"))
            #expect(try await !store.erase("r.test"))
            let broken = CredentialStore(environment: ["DOCKER_CONFIG": directory, "PATH": "/nowhere"])
            await #expect(throws: (any Error).self) { try await broken.credentials(for: "r.test") }
        }
    }
}
