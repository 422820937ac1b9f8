@testable import Dashboard
import Concurrency
import Foundation
import LinuxSystem

/// Accounts of one manager, in a directory of its own: `accounts.json` and `session.key`, readable by root alone. What cannot be read is
/// an error, never an empty list: that would open the way of the first account to whoever asks.
actor FileAccountStore: DashboardAccountStore {
    private struct Kept: Codable { var accounts: [DashboardAccount] }

    private let directory: String
    private var kept: [DashboardAccount] = []
    private var key: [UInt8]
    private var listeners: [Int: AsyncStream<Void>.Continuation] = [:]
    private var nextListener = 0

    /// - Parameter directory: Made when it is not there, for root alone.
    init(directory: String) throws {
        self.directory = directory
        try Files.makeDirectories(directory, mode: 0o700)
        if let bytes = try Files.read("\(directory)/accounts.json", limit: 4 << 20) {
            kept = try JSONDecoder().decode(Kept.self, from: Data(bytes)).accounts
        }
        if let known = try Files.read("\(directory)/session.key", limit: 1024), known.count >= 32 {
            key = known
        } else {
            key = RandomID.bytes(32)
            try Files.writeAtomically(key, to: "\(directory)/session.key")
        }
    }

    func accounts() -> [DashboardAccount] { kept }
    func signingKey() -> [UInt8] { key }

    func save(_ account: DashboardAccount) throws {
        var next = kept.filter { $0.name != account.name }
        next.append(account)
        try replace(next.sorted { $0.name < $1.name })
    }

    func remove(_ name: String) throws -> Bool {
        let next = kept.filter { $0.name != name }
        guard next.count < kept.count else { return false }
        try replace(next)
        return true
    }

    func changes() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        nextListener += 1
        let number = nextListener
        listeners[number] = continuation
        continuation.yield()
        return stream
    }

    private func replace(_ next: [DashboardAccount]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        try Files.writeAtomically(Array(try encoder.encode(Kept(accounts: next))), to: "\(directory)/accounts.json")
        kept = next
        for (number, listener) in listeners {
            if case .terminated = listener.yield() { listeners[number] = nil }
        }
    }
}
