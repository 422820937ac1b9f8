import Foundation
import Synchronization

/// Posts requests of OpenTelemetry's protocol over HTTP that are encoded already, one at a time.
package final class OTLPPoster: Sendable {
    /// What the receiver has made of a request.
    package enum Outcome: Sendable, Equatable {
        case accepted
        /// It will not have some of it, and must not be sent that again.
        case partly(refused: Int, reason: String)
        /// It may be sent something again after so long, if that is said.
        case later(Duration?, reason: String)
        /// The same request would be refused again.
        case refused(reason: String)
    }

    /// The receiver as the user knows it, without secrets.
    package let shownAddress: String
    private let url: String
    private let host: String
    private let headers: [(name: String, value: String)]
    private let trust: HTTPTrust
    private let packing = HTTPBody(level: 1)
    private let client = Mutex<HTTPClientHandle?>(nil)

    /// - Parameters:
    ///   - endpoint: A URL; `path` is taken where it has none.
    ///   - headers: `name=value,name=value` with percent signs, as in the variable OTEL_EXPORTER_OTLP_HEADERS.
    ///   - authority: Path of a PEM file with whom to trust instead of the system's authorities.
    /// - Returns: `nil` when one of them is not what it should be.
    package init?(endpoint: String, path: String, headers: String, authority: String?) {
        guard let address = HTTPAddress(endpoint) else { return nil }
        var all = [(name: "Content-Type", value: "application/x-protobuf")]
        for pair in headers.split(separator: ",") {
            let halves = pair.split(separator: "=", maxSplits: 1).map {
                $0.trimmingCharacters(in: .whitespaces).removingPercentEncoding ?? ""
            }
            guard halves.count == 2, let name = halves.first, let value = halves.last, !name.isEmpty,
                name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }),
                value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
            else { return nil }
            all.append((name, value))
        }
        if let login = address.authorization { all.append(("Authorization", login)) }
        let place = address.path.isEmpty || address.path == "/" ? path : address.path
        url = address.origin + place + (address.query.map { "?\($0)" } ?? "")
        shownAddress = address.origin + place
        host = address.host
        self.headers = all
        var trust = HTTPTrust()
        trust.authority = authority
        self.trust = trust
    }

    /// - Throws: why there was no answer in time.
    package func post(_ request: [UInt8]) async throws -> Outcome {
        let (body, more) = packing.packed(request)
        let reply = try await handle().send(url, headers: headers + more, body: body)
        let reason = "status \(reply.status)"
        switch reply.status {
        case 200..<300:
            guard let refusal = OTLPRecords.refusal(reply.body) else { return .accepted }
            return .partly(refused: refusal.count, reason: refusal.reason)
        case 429, 502, 503, 504: return .later(reply.retryAfter, reason: reason)
        default: return .refused(reason: reason)
        }
    }

    private func handle() async throws -> HTTPClientHandle {
        if let known = client.withLock({ $0 }) { return known }
        let made = try await HTTPClientHandle(trust, host: host)
        client.withLock { $0 = made }
        return made
    }

    /// Must be called once, at the end.
    package func close() async {
        let handle = client.withLock { client in
            defer { client = nil }
            return client
        }
        await handle?.close()
    }
}
