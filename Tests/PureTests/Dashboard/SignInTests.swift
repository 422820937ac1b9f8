import Testing

@testable import Dashboard

@Suite struct SignInTests {
    @Test func `five tries are free, then the delay doubles to a minute`() {
        var gate = LoginGate()
        var time = 0.0
        for _ in 0..<5 {
            #expect(gate.admit(name: "mei", address: "10.0.0.9", at: time) == nil)
            time += 7
        }
        var delays: [Double] = []
        for _ in 0..<9 {
            time += 600
            #expect(gate.admit(name: "mei", address: "10.0.0.9", at: time) == nil)
            delays.append(gate.admit(name: "mei", address: "10.0.0.9", at: time) ?? 0)
        }
        #expect(delays == [2, 4, 8, 16, 32, 60, 60, 60, 60])
    }

    @Test func `the fifth failure closes the gate for a second, another name does not wait`() {
        var gate = LoginGate()
        for _ in 0..<5 { #expect(gate.admit(name: "mei", address: "a", at: 1) == nil) }
        #expect(gate.admit(name: "mei", address: "a", at: 1.5) == 0.5)
        #expect(gate.admit(name: "mei", address: "b", at: 1.5) == nil)
        #expect(gate.admit(name: "mei", address: "a", at: 2) == nil)
    }

    @Test func `a minute has ten tries however many addresses there are`() {
        var gate = LoginGate()
        for number in 0..<10 { #expect(gate.admit(name: "x", address: "\(number)", at: 0) == nil) }
        #expect(gate.admit(name: "x", address: "11", at: 10) == 50)
        #expect(gate.admit(name: "x", address: "11", at: 60) == nil)
    }

    @Test func `the right password forgets the wrong ones and costs others nothing`() {
        var gate = LoginGate()
        for _ in 0..<30 {
            #expect(gate.admit(name: "mei", address: "a", at: 0) == nil)
            gate.letIn(name: "mei", address: "a", at: 0)
        }
        #expect(gate.admit(name: "other", address: "b", at: 0) == nil)
    }

    @Test func `strangers who use up the tries of a minute keep nobody out who was in before`() {
        var gate = LoginGate()
        #expect(gate.admit(name: "mei", address: "a", at: 0) == nil)
        gate.letIn(name: "mei", address: "a", at: 0)
        for number in 0..<10 { #expect(gate.admit(name: "x", address: "\(number)", at: 100) == nil) }
        #expect(gate.admit(name: "mei", address: "b", at: 101) != nil, "from elsewhere she is unknown as well")
        for _ in 0..<5 { #expect(gate.admit(name: "mei", address: "a", at: 101) == nil) }
        #expect(gate.admit(name: "mei", address: "a", at: 101) != nil, "her own tries count")
        #expect(gate.admit(name: "otto", address: "c", at: 101) != nil)
    }

    @Test func `tries of many names are forgotten, not kept without bound`() {
        var gate = LoginGate()
        for number in 0..<(LoginGate.remembered + 50) {
            _ = gate.admit(name: "n\(number)", address: "a", at: Double(number) * 7)
        }
        #expect(gate.admit(name: "n0", address: "a", at: 1e9) == nil)
    }

    @Test func `a session is read back until its time is over`() throws {
        let signer = SessionSigner(key: Array(repeating: 7, count: 32))
        let session = DashboardSession(name: "mei", generation: "g1", expires: 1000)
        let text = try signer.text(of: session)
        #expect(signer.session(from: text, at: 999) == session)
        #expect(signer.session(from: text, at: 1000) == nil)
    }

    @Test func `a session of another key, changed or cut is none`() throws {
        let signer = SessionSigner(key: Array(repeating: 7, count: 32))
        let text = try signer.text(of: DashboardSession(name: "mei", generation: "g1", expires: 1000))
        #expect(SessionSigner(key: Array(repeating: 8, count: 32)).session(from: text, at: 1) == nil)
        let parts = text.split(separator: ".").map(String.init)
        let other = try signer.text(of: DashboardSession(name: "root", generation: "g1", expires: 1000))
        let forged = "\(other.split(separator: ".")[0]).\(parts[1])"
        for bad in [
            forged, parts[0], "\(parts[0]).", ".\(parts[1])", "", ".", String(text.dropLast()), text + "A",
            "\(text).\(text)",
        ] {
            #expect(signer.session(from: bad, at: 1) == nil, "\(bad)")
        }
    }

    @Test func `a link is good once, within a quarter of an hour`() {
        var links = OneUseLinks()
        let first = links.make(at: 0)
        let second = links.make(at: 30)
        #expect(first.count == 64 && first != second)
        #expect(links.use(first, at: 899) == true)
        #expect(links.use(first, at: 899) == false)
        #expect(links.use(second, at: 930) == false)
        #expect(links.use("", at: 0) == false)
    }

    @Test func `too many links end the oldest`() {
        var links = OneUseLinks()
        let all = (0..<17).map { _ in links.make(at: 0) }
        #expect(links.use(all[0], at: 1) == false)
        #expect(links.use(all[16], at: 1) == true)
    }

    @Test(arguments: ["mei", "a", "Mei.Lin-2_x", String(repeating: "x", count: 32)])
    func `a name`(name: String) { #expect(DashboardAccount.isName(name)) }

    @Test(arguments: ["", "local", "-mei", ".mei", "mei lin", "mei\n", "méi", "a/b", String(repeating: "x", count: 33)])
    func `no name`(name: String) { #expect(!DashboardAccount.isName(name)) }
}

/// Accounts in memory.
actor MemoryAccounts: DashboardAccountStore {
    private var kept: [String: DashboardAccount] = [:]
    private let key = Array(repeating: UInt8(3), count: 32)
    private var listeners: [AsyncStream<Void>.Continuation] = []

    func accounts() -> [DashboardAccount] { kept.values.sorted { $0.name < $1.name } }
    func signingKey() -> [UInt8] { key }
    func save(_ account: DashboardAccount) {
        kept[account.name] = account
        for listener in listeners { listener.yield() }
    }
    func remove(_ name: String) -> Bool {
        defer { for listener in listeners { listener.yield() } }
        return kept.removeValue(forKey: name) != nil
    }
    func changes() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        continuation.yield()
        listeners.append(continuation)
        return stream
    }
}

/// The work of a guess in tests.
private let cheap = PasswordHash.Cost(rounds: 16, blockSize: 1, parallelism: 1)

@Suite struct AccountTests {
    @Test func `the standard's cost is OWASP's, and what is stored cannot ask for more than four times as much`() throws
    {
        #expect(PasswordHash.Cost.standard == PasswordHash.Cost(rounds: 32768, blockSize: 8, parallelism: 3))
        let greedy = PasswordHash(cost: PasswordHash.Cost(rounds: 1 << 30, blockSize: 8, parallelism: 1))
        #expect(try greedy.matches("x") == false)
    }

    @Test func `whoever signs in is known by the cookie until account or role change`() async throws {
        let store = MemoryAccounts()
        let accounts = DashboardAccounts(store: store, cost: cheap, now: { 0 })
        try await accounts.add(name: "mei", role: .viewer, password: "correct horse")
        guard
            case .signedIn(let cookie, let user) = try await accounts.signIn(
                name: "mei", password: "correct horse", address: "a")
        else {
            Issue.record("not signed in")
            return
        }
        #expect(user == DashboardUser(name: "mei", role: .viewer))
        #expect(try await accounts.user(of: cookie, isLocal: false) == user)
        try await accounts.add(name: "mei", role: .operator, password: "correct horse")
        #expect(try await accounts.user(of: cookie, isLocal: false) == nil)
    }

    @Test func `a wrong password and an unknown name are told alike`() async throws {
        let store = MemoryAccounts()
        let accounts = DashboardAccounts(store: store, cost: cheap, now: { 0 })
        try await accounts.add(name: "mei", role: .viewer, password: "correct horse")
        for (name, password) in [("mei", "wrong"), ("nobody", "correct horse")] {
            guard case .wrong = try await accounts.signIn(name: name, password: password, address: "a") else {
                Issue.record("\(name) got in")
                continue
            }
        }
    }

    @Test func `a link's session is for this machine alone and dies with the process`() async throws {
        let store = MemoryAccounts()
        let accounts = DashboardAccounts(store: store, cost: cheap, now: { 0 })
        guard case .wrong = try await accounts.signIn(link: accounts.makeLink(), isLocal: false) else {
            Issue.record("from elsewhere")
            return
        }
        guard case .signedIn(let cookie, let user) = try await accounts.signIn(link: accounts.makeLink(), isLocal: true)
        else {
            Issue.record("not signed in")
            return
        }
        #expect(user.role == .operator)
        #expect(try await accounts.user(of: cookie, isLocal: true) == user)
        #expect(try await accounts.user(of: cookie, isLocal: false) == nil)
        let after = DashboardAccounts(store: store, cost: cheap, now: { 0 })
        #expect(try await after.user(of: cookie, isLocal: true) == nil)
    }

    @Test(arguments: ["", "1234567"])
    func `a short password is refused`(password: String) async {
        let accounts = DashboardAccounts(store: MemoryAccounts(), cost: cheap, now: { 0 })
        await #expect(throws: DashboardError(.badPassword)) {
            try await accounts.add(name: "mei", role: .viewer, password: password)
        }
    }

    @Test func `what is kept does not have the password, and equal passwords differ`() async throws {
        let store = MemoryAccounts()
        let accounts = DashboardAccounts(store: store, cost: cheap, now: { 0 })
        try await accounts.add(name: "a", role: .viewer, password: "correct horse")
        try await accounts.add(name: "b", role: .viewer, password: "correct horse")
        let kept = await store.accounts()
        #expect(kept.count == 2 && kept[0].password.key != kept[1].password.key)
    }
}
