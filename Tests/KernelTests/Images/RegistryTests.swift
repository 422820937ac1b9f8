import Faults
import Glibc
import Images
import LinuxSystem
import OCI
import TestKit
import Testing

/// Images to and from a real registry.
@Suite(.timeLimit(.minutes(2))) struct RegistryTests {
    private static let one = ImageFixture.layer("one", "1")
    private static let two = ImageFixture.layer("two", String(repeating: "2", count: 3_000_000))

    private static func push(_ fixture: ImageFixture, _ name: String, login: RegistryLogin? = nil) async throws -> (
        tags: [PushedTag], lines: [String]
    ) {
        let (lines, pushed) = (Lines(), Pushed())
        try await fixture.store.push(
            name, tag: nil, login: login, progress: { await lines.add($0) }, pushed: { await pushed.add($0) })
        return (await pushed.tags, await lines.texts)
    }

    private static func pull(_ fixture: ImageFixture, _ name: String, login: RegistryLogin? = nil) async throws
        -> PulledImage
    {
        try await fixture.store.pull(name, login: login) { _ in }
    }

    @Test func `what is pushed and pulled is the same image`() async throws {
        try await RegistryFixture.with { registry in
            let name = "\(registry.address)/a/b"
            try await ImageFixture.with { fixture in
                let id = try await fixture.load(try ImageFixture.saved([Self.one, Self.two], tags: [name + ":1"]))[0].id
                let shorts = [Self.two, Self.one].map { Digest(of: $0).short }
                let (tags, lines) = try await Self.push(fixture, name)
                #expect(tags.map(\.tag) == ["1"] && lines.first == "The push refers to repository [\(name)]")
                for short in shorts {
                    #expect(lines.contains("\(short): Preparing") && lines.contains("\(short): Pushed"), "\(lines)")
                }
                let sent = tags[0]
                #expect(lines.last == "1: digest: \(sent.digest) size: \(sent.size)")
                #expect(try await fixture.store.image(name + ":1").digests == ["\(name)@\(sent.digest)"])
                // Layers of an archive are plain; on the way, and from then on here, they are packed.
                let plain: Set<String> = [Digest(of: Self.one).hex, Digest(of: Self.two).hex]
                let kept = try fixture.names("blobs/sha256")
                #expect(plain.isDisjoint(with: kept))
                let manifest = try #require(try Files.read(registry.blob(sent.digest.hex)))
                #expect(Int64(manifest.count) == sent.size)

                let again = try await Self.push(fixture, name + ":1")
                #expect(again.tags == tags)
                for short in shorts { #expect(again.lines.contains("\(short): Layer already exists")) }

                try await fixture.store.tag(name + ":1", repository: "\(registry.address)/c", tag: "2")
                let mounted = try await Self.push(fixture, "\(registry.address)/c:2")
                for short in shorts {
                    #expect(mounted.lines.contains("\(short): Mounted from a/b"), "\(mounted.lines)")
                }

                // Saved and pushed are one manifest: the digest lasts.
                let archive = try await fixture.save(name + ":1")
                try await ImageFixture.with { (other: ImageFixture) async throws -> Void in
                    let pulled = try await Self.pull(other, name + ":1")
                    #expect(pulled.id == id && pulled.digest == sent.digest && pulled.isNew)
                    #expect(try await Self.pull(other, name + ":1").isNew == false)
                    #expect(try await Self.pull(other, "\(name)@\(sent.digest)").id == id)
                    #expect(try await other.save(name + ":1") == archive)
                    try await other.mounted(name + ":1") { (root: String) throws -> Void in
                        #expect(try Files.list(root) == ["one", "two"] && Files.text(root + "/one") == "1")
                    }
                }
            }
        }
    }

    @Test func `what a registry or its way has damaged is never an image`() async throws {
        try await RegistryFixture.with { registry in
            let name = "\(registry.address)/x:1"
            try await ImageFixture.with { fixture in
                try await fixture.load(try ImageFixture.saved([Self.two], tags: [name]))
                _ = try await Self.push(fixture, name)
                let kept = Set(try fixture.names("blobs/sha256"))
                let id = try await fixture.store.image(name).id.hex
                for hex in kept {
                    let path = registry.blob(hex)
                    let good = try #require(try Files.read(path))
                    var bad = good
                    bad[bad.count / 2] ^= 1
                    try Files.writeAtomically(bad, to: path)
                    try await ImageFixture.with { (other: ImageFixture) async throws -> Void in
                        await #expect(throws: (any Error).self, "\(hex == id ? "the configuration" : hex)") {
                            try await Self.pull(other, name)
                        }
                        #expect(await other.store.images().isEmpty)
                        try await eventually("nothing is left") {
                            try other.names("ingest").isEmpty && other.names("layers").isEmpty
                        }
                        // As soon as it is whole again, it is pulled, with nothing of the damage left.
                        try Files.writeAtomically(good, to: path)
                        _ = try await Self.pull(other, name)
                        try await other.mounted(name) { (root: String) throws -> Void in
                            #expect(try Files.list(root) == ["two"])
                        }
                    }
                }
            }
        }
    }

    @Test func `a prune leaves a push what it is packing`() async throws {
        try await RegistryFixture.with { registry in
            let name = "\(registry.address)/x:1"
            try await ImageFixture.with { fixture in
                var generator = SystemRandomNumberGenerator()
                var large = TarBuilder()
                let numbers = (0..<(3 << 20)).map { _ in generator.next() }
                large.add("large", content: numbers.withUnsafeBytes { Array($0) })
                try await fixture.load(try ImageFixture.saved([Self.two, large.bytes], tags: [name]))
                let before = try fixture.names("blobs/sha256").count
                async let pushed = Self.push(fixture, name)
                // The first layer is packed, the second one not yet.
                try await eventually { try fixture.names("blobs/sha256").count > before }
                _ = try await fixture.store.prune(uses: [])
                _ = try await pushed
            }
        }
    }

    @Test func `tokens are asked for on the web alone`() {
        #expect(RegistryConfiguration.isOnWeb("https://auth.example.com/token?a=b"))
        for realm in [
            "http+unix://%2Frun%2Fapus.sock/containers/prune", "unix:///run/apus.sock", "file:///etc", "/token",
        ] {
            #expect(!RegistryConfiguration.isOnWeb(realm))
        }
    }

    @Test func `a login goes to a token service of the registry's own site, over TLS`() throws {
        func may(_ realm: String, _ registry: String, isVerified: Bool = true) throws -> Bool {
            let service = try #require(TokenService(realm: realm))
            do { try service.checkCredentials(for: registry, isVerified: isVerified) } catch {
                #expect(error.code == .unauthorized)
                return false
            }
            return true
        }
        for (realm, registry) in [
            ("https://auth.docker.io/token", "registry-1.docker.io:443"), ("https://ghcr.io/token", "ghcr.io:443"),
            ("https://gitlab.com/jwt/auth", "registry.gitlab.com:443"),
            ("https://Git.Example.co.uk/a", "r.example.co.uk:5000"),
            ("https://10.0.0.7:5001/token", "10.0.0.7:5000"), ("https://[2001:db8::7]/token", "[2001:db8::7]:5000"),
        ] { #expect(try may(realm, registry), "\(realm) for \(registry)") }
        for (realm, registry) in [
            ("http://auth.docker.io/token", "registry-1.docker.io:443"),
            ("https://docker.io.evil.test/", "registry-1.docker.io:443"),
            ("https://evil.co.uk/token", "registry.co.uk:443"), ("https://a.b.co.uk/", "a.c.co.uk:443"),
            ("https://10.1.0.7/token", "10.0.0.7:5000"), ("https://1.0.0.7/token", "10.0.0.7:443"),
            ("https://evildocker.io/", "registry-1.docker.io:443"), ("https://user@evil.test/", "r.example.com:443"),
            ("https://io/", "quay.io:443"), ("https://quay.io@evil.test/", "quay.io:443"),
        ] { #expect(try !may(realm, registry), "\(realm) for \(registry)") }
        // One that the user vouches for may do without, on its own host.
        #expect(try may("http://10.0.0.7:5001/token", "10.0.0.7:5000", isVerified: false))
        #expect(try !may("http://10.0.0.8:5001/token", "10.0.0.7:5000", isVerified: false))
    }

    @Test func `a registry that names another party's token service learns nobody's password by it`() async throws {
        let other = try RecordingServer(address: "127.0.0.2") { _ in
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"token\":\"t\"}"
        }
        let realm = "http://127.0.0.2:\(other.port)/token"
        let registry = try RecordingServer(address: "127.0.0.1") { _ in
            "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nWWW-Authenticate: Bearer realm=\"\(realm)\",service=\"s\"\r\nContent-Length: 0\r\n\r\n"
        }
        let name = "127.0.0.1:\(registry.port)/p:1"
        try await ImageFixture.with { fixture in
            for token in [nil, "refresh"] {
                let login = RegistryLogin(username: "user", password: "secret", identityToken: token)
                do {
                    _ = try await Self.pull(fixture, name, login: login)
                    Issue.record("pulled from nobody")
                } catch let error as RegistryError {
                    #expect(error.message.contains("are not sent to the token service \(realm)"), "\(error)")
                }
            }
            #expect(other.heads == [])
            // Without a login there is nothing to be kept from it.
            await #expect(throws: RegistryError.self) { try await Self.pull(fixture, name) }
            #expect(!other.heads.isEmpty && other.heads.allSatisfy { !$0.contains("uthorization:") })
        }
    }

    @Test func `a token service that leads elsewhere leads no login there`() async throws {
        let other = try RecordingServer(address: "127.0.0.2") { _ in
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"token\":\"t\"}"
        }
        let elsewhere = "http://127.0.0.2:\(other.port)/token"
        let registry = try RecordingServer(address: "127.0.0.1") { head in
            if head.contains(" /token") {
                return
                    "HTTP/1.1 307 Temporary Redirect\r\nConnection: close\r\nLocation: \(elsewhere)\r\nContent-Length: 0\r\n\r\n"
            }
            let host = head.firstMatch(of: #/[Hh]ost: (\S+)/#)?.1 ?? ""
            return
                "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nWWW-Authenticate: Bearer realm=\"http://\(host)/token\"\r\nContent-Length: 0\r\n\r\n"
        }
        try await ImageFixture.with { fixture in
            for token in ["refresh", nil] {
                let login = RegistryLogin(username: "user", password: "secret", identityToken: token)
                await #expect(throws: RegistryError.self) {
                    try await Self.pull(fixture, "127.0.0.1:\(registry.port)/p:1", login: login)
                }
                // The login's form stays where it was sent; a question without the login may go on.
                #expect(registry.heads.contains { $0.hasPrefix(token == nil ? "GET /token" : "POST /token") })
                #expect(other.heads.allSatisfy { $0.hasPrefix("GET ") && !$0.contains("uthorization:") })
            }
        }
    }

    @Test func `a connection that a server lets go without an answer is no refusal`() async throws {
        let asked = Kept(0)
        let registry = try RecordingServer(address: "127.0.0.1") { head in
            // Every second request is one on a connection that is just being ended.
            let isLetGo = asked.withLock { count in
                count += 1
                return count % 2 == 1
            }
            if isLetGo { return "" }
            if head.contains(" /token") {
                return "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\n{\"token\":\"t\"}"
            }
            if head.contains("Bearer t") {
                return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            }
            let host = head.firstMatch(of: #/[Hh]ost: (\S+)/#)?.1 ?? ""
            return
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"http://\(host)/token\"\r\n"
                + "Content-Length: 0\r\nConnection: close\r\n\r\n"
        }
        try await ImageFixture.with { fixture in
            for token in ["refresh", nil] {
                let login = RegistryLogin(username: "user", password: "secret", identityToken: token)
                do {
                    _ = try await Self.pull(fixture, "127.0.0.1:\(registry.port)/p:1", login: login)
                    Issue.record("pulled from nobody")
                } catch let error as RegistryError {
                    #expect(error.message.contains("manifest unknown"), "\(error)")
                }
            }
        }
    }

    @Test func `a name that only begins like a loopback address is asked with TLS`() async throws {
        try await ImageFixture.with { fixture in
            do {
                _ = try await Self.pull(fixture, "127.nobody.invalid:1/p:1")
                Issue.record("pulled from nobody")
            } catch let error as RegistryError {
                #expect(error.message.contains("https://127.nobody.invalid:1"), "\(error)")
            }
        }
    }

    @Test func `a blob that is damaged here is not pushed`() async throws {
        try await RegistryFixture.with { registry in
            try await ImageFixture.with { fixture in
                let name = "\(registry.address)/x:1"
                try await fixture.load(try ImageFixture.saved([Self.two], tags: [name]))
                let path = "\(fixture.root)/blobs/sha256/\(Digest(of: Self.two).hex)"
                var bytes = try #require(try Files.read(path))
                bytes[700] ^= 1
                try Files.writeAtomically(bytes, to: path)
                await #expect(throws: ImagesError.self) { try await Self.push(fixture, name) }
                await #expect(throws: RegistryError.self) { try await Self.pull(fixture, name) }
            }
        }
    }

    @Test func `a registry with a password takes the right one only`() async throws {
        try await RegistryFixture.with(password: true) { registry in
            let name = "\(registry.address)/p:1"
            let good = RegistryLogin(username: "user", password: "secret")
            let bad = RegistryLogin(username: "user", password: "guess")
            try await ImageFixture.with { fixture in
                try await fixture.load(try ImageFixture.saved([Self.one], tags: [name]))
                for login in [nil, bad] {
                    do {
                        _ = try await Self.push(fixture, name, login: login)
                        Issue.record("pushed without the password")
                    } catch let error as RegistryError { #expect(error.code == .unauthorized, "\(error)") }
                }
                #expect(try await Self.push(fixture, name, login: good).tags.count == 1)
                try await fixture.store.checkLogin(registry.address, good)
                await #expect(throws: RegistryError.self) { try await fixture.store.checkLogin(registry.address, bad) }
            }
            try await ImageFixture.with { (other: ImageFixture) async throws -> Void in
                await #expect(throws: RegistryError.self) { try await Self.pull(other, name) }
                #expect(try await Self.pull(other, name, login: good).isNew)
            }
        }
    }

    @Test func `a registry's own certificate is trusted where it was put, and nowhere else`() async throws {
        let certificate = try RegistryFixture.certificate()
        try await RegistryFixture.with(host: "0.0.0.0", certificate: certificate) { registry in
            let name = "\(registry.address)/t:1"
            try await ImageFixture.with { fixture in
                try await fixture.load(try ImageFixture.saved([Self.one], tags: [name]))
                do {
                    _ = try await Self.push(fixture, name)
                    Issue.record("an unknown certificate was trusted")
                } catch let error as RegistryError {
                    #expect(error.message.contains("x509: certificate signed by unknown authority"), "\(error)")
                }
                let place = "\(fixture.directory)/certs.d/\(registry.address)"
                try Files.makeDirectories(place)
                try Files.writeAtomically(certificate.chain, to: place + "/ca.crt")
                #expect(try await Self.push(fixture, name).tags.count == 1)
            }
            // One that the user vouches for needs no certificate that can be checked.
            try await ImageFixture.with(RegistryConfiguration(insecure: [registry.address])) {
                (other: ImageFixture) async throws -> Void in
                #expect(try await Self.pull(other, name).isNew)
            }
        }
    }

    @Test func `what a mirror does not have is asked of the next`() async throws {
        try await RegistryFixture.with { poor in
            try await RegistryFixture.with { rich in
                var id: Digest?
                try await ImageFixture.with { fixture in
                    id = try await fixture.load(try ImageFixture.saved([Self.one, Self.two], tags: ["m:1"]))[0].id
                    for registry in [poor, rich] {
                        let repository = "\(registry.address)/library/m"
                        try await fixture.store.tag("m:1", repository: repository, tag: "1")
                        _ = try await Self.push(fixture, repository + ":1")
                    }
                    // The first mirror keeps the manifest and the configuration, not the layers.
                    let image = try await fixture.store.image("m:1")
                    for hex in try fixture.names("blobs/sha256") where hex != image.id.hex {
                        let manifest = image.digests.contains { $0.hasSuffix(hex) }
                        if !manifest { try Files.remove(poor.blob(hex)) }
                    }
                }
                let mirrors = [poor, rich].map { "http://\($0.address)" }
                try await ImageFixture.with(RegistryConfiguration(mirrors: mirrors)) {
                    (other: ImageFixture) async throws -> Void in
                    #expect(try await Self.pull(other, "m:1").id == id)
                    try await other.mounted("m:1") { (root: String) throws -> Void in
                        #expect(try Files.list(root) == ["one", "two"])
                    }
                }
            }
        }
    }

    @Test func `what cannot be pushed is said in Docker's words`() async throws {
        try await ImageFixture.with { fixture in
            await #expect(
                throws: APIError(.notFound, "An image does not exist locally with the tag: 127.0.0.1:1/n")
            ) { try await told { try await Self.push(fixture, "127.0.0.1:1/n:1") } }
            try await fixture.load(try ImageFixture.saved([Self.one], tags: ["127.0.0.1:1/n:1"]))
            do {
                _ = try await Self.push(fixture, "127.0.0.1:1/n:1")
                Issue.record("pushed to nobody")
            } catch let error as RegistryError {
                #expect(
                    error.message == "Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused"
                )
            }
        }
    }
}

private actor Pushed {
    private(set) var tags: [PushedTag] = []
    func add(_ tag: PushedTag) { tags.append(tag) }
}
