import EngineInterface
import Model
import NIOCore

/// One service: a region's, or at an endpoint of the user's.
struct AWSLogsTransport: LogTransport {
    /// `nil`: the instance's own is asked for.
    let region: String?
    /// With scheme and host, without a slash at the end; `nil` for Amazon's.
    let endpoint: String?
    let credentialsPath: String?
    let flushInterval: Duration
    let environment: [String: String]
    private let known = AWSLogsKnown()

    init(
        region: String?, endpoint: String?, credentialsPath: String?, flushInterval: Duration,
        environment: [String: String]
    ) {
        self.credentialsPath = credentialsPath
        self.endpoint = endpoint
        self.environment = environment
        self.flushInterval = flushInterval
        self.region = region
    }

    /// Some calls a batch: each has a deadline of its own.
    var limits: BatchLimits {
        var limits = BatchLimits()
        limits.bytes = AWSLogsBatches.mostBytes
        limits.lines = AWSLogsBatches.mostEvents
        limits.delay = flushInterval
        limits.deadline = .seconds(120)
        return limits
    }

    func connect() async throws -> any LogConnection {
        let client = HTTPClients(HTTPTrust())
        return AWSLogsConnection(
            transport: self, client: client, known: known,
            sources: AWSCredentialSources(environment: environment, endpointPath: credentialsPath, client: client))
    }
}

/// What connections to one service know together.
private actor AWSLogsKnown {
    /// They are renewed so long before they expire.
    private static let renewalSeconds: Int64 = 300

    private var credentials: AWSCredentials?
    private var region: String?

    func credentials(_ sources: AWSCredentialSources, region: String, at now: Timestamp) async throws -> AWSCredentials
    {
        if let credentials {
            guard let expires = credentials.expires, expires < now.advanced(bySeconds: Self.renewalSeconds) else {
                return credentials
            }
        }
        do {
            let found = try await sources.find(region: region)
            credentials = found
            return found
        } catch {
            // The old ones do as long as they are good.
            if let credentials, let expires = credentials.expires, expires > now { return credentials }
            throw error
        }
    }

    func forgetCredentials() { credentials = nil }

    func region(_ sources: AWSCredentialSources) async throws -> String {
        if let region { return region }
        let found = try await sources.instanceRegion()
        region = found
        return found
    }
}

private struct AWSLogsConnection: LogConnection {
    private static let target = "Logs_20140328."
    private static let callDeadline = TimeAmount.seconds(20)

    let transport: AWSLogsTransport
    let client: HTTPClients
    let known: AWSLogsKnown
    let sources: AWSCredentialSources

    func send(_ batch: LogBatch) async throws -> BatchOutcome {
        var delivery = HTTPDelivery(batch)
        let shares = batch.groups.flatMap { group in
            let events = group.indices.map { index in
                AWSLogsBatches.Event(
                    milliseconds: AWSLogsCalls.milliseconds(batch.items[index].line.time),
                    byteCount: batch.items[index].line.bytes.count)
            }
            return AWSLogsBatches.split(events).map { share in share.map { group.indices[$0] } }
        }
        return try await delivery.run(shares: shares) { share in
            let lines = share.map { batch.items[$0] }
            guard let first = lines.first, let group = AWSLogsGroup(first.group) else {
                return (.unwanted("no log group"), nil)
            }
            return try await put(lines.map(\.line), to: group)
        }
    }

    func close() async { await client.close() }

    private func put(_ lines: [EncodedLine], to group: AWSLogsGroup) async throws -> (HTTPVerdict, Duration?) {
        let put = AWSLogsCalls.putEvents(lines, to: group)
        var (reply, answer) = try await call(put, of: lines.count, group)
        if case .missing(let reason) = answer {
            if let refusal = try await make(group) { return (.later(refusal.reason), refusal.retryAfter) }
            guard group.makesStream || group.makesGroup else { return (.later(reason), nil) }
            (reply, answer) = try await call(put, of: lines.count, group)
        }
        switch answer {
        case .done(let verdict): return (verdict, reply.retryAfter)
        case .isThere: return (.accepted, nil)
        case .missing(let reason), .unauthenticated(let reason): return (.later(reason), nil)
        }
    }

    /// Makes the stream, and the group if it may.
    /// - Returns: The answer that stands in the way; `nil` when both are there.
    private func make(_ group: AWSLogsGroup) async throws -> HTTPReply? {
        guard group.makesStream else { return nil }
        let createStream = AWSLogsCalls.createStream(group)
        let (reply, answer) = try await call(createStream, of: 0)
        guard case .missing = answer, group.makesGroup else { return Self.refusal(reply, answer) }
        let (groupReply, groupAnswer) = try await call(AWSLogsCalls.createGroup(group), of: 0)
        if let refusal = Self.refusal(groupReply, groupAnswer) { return refusal }
        let (again, last) = try await call(createStream, of: 0)
        return Self.refusal(again, last)
    }

    private static func refusal(_ reply: HTTPReply, _ answer: AWSLogsCalls.Answer) -> HTTPReply? {
        switch answer {
        case .done(.accepted), .isThere: nil
        default: reply
        }
    }

    /// Once more with other credentials when these count no more.
    private func call(
        _ call: (name: String, body: [UInt8]), of count: Int, _ group: AWSLogsGroup? = nil
    ) async throws -> (HTTPReply, AWSLogsCalls.Answer) {
        let reply = try await request(call, group)
        let answer = AWSLogsCalls.answer(reply, of: count)
        guard case .unauthenticated = answer else { return (reply, answer) }
        await known.forgetCredentials()
        let again = try await request(call, group)
        return (again, AWSLogsCalls.answer(again, of: count))
    }

    private func request(_ call: (name: String, body: [UInt8]), _ group: AWSLogsGroup?) async throws -> HTTPReply {
        let region: String
        if let named = transport.region { region = named } else { region = try await known.region(sources) }
        let now = Timestamp.now
        let credentials = try await known.credentials(sources, region: region, at: now)
        let origin = transport.endpoint ?? Self.amazon(region)
        guard let address = HTTPAddress(origin) else {
            throw AWSCredentialSources.NotFound(description: "no such region: \(region)")
        }
        var headers = [
            (name: "Content-Type", value: "application/x-amz-json-1.1"),
            (name: "X-Amz-Target", value: Self.target + call.name),
        ]
        if group?.isEMF == true { headers.append(("x-amzn-logs-format", "json/emf")) }
        let host = String(address.origin.drop { $0 != "/" }.dropFirst(2))
        let signature = AWSSignature(credentials: credentials, region: region, service: "logs")
        headers += signature.headers(
            method: "POST", path: address.path.isEmpty ? "/" : address.path,
            headers: headers + [(name: "Host", value: host)], body: call.body, at: now)
        return try await client.send(
            address.path.isEmpty ? origin + "/" : origin, headers: headers, body: call.body,
            deadline: Self.callDeadline)
    }

    private static func amazon(_ region: String) -> String {
        "https://logs.\(region).amazonaws.com\(region.hasPrefix("cn-") ? ".cn" : "")"
    }
}
