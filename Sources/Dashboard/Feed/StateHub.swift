import Concurrency
import Foundation
package import Logging

/// The state as it was last looked at, each object encoded once however many look on, and numbered by when it changed.
package final class StateHub: Sendable {
    /// An object's kind and id.
    struct Key: Hashable, Sendable {
        var kind: String
        var id: String
    }

    /// One looked-at state.
    struct Picture: Sendable {
        /// Counts pictures that differ.
        var revision: UInt64 = 0
        /// Distinguishes this process's numbers from those of another.
        var epoch = ""
        var objects: [Key: (revision: UInt64, json: String)] = [:]
        /// What the objects were encoded from.
        var state: DashboardState?
        var gone: [(revision: UInt64, key: Key)] = []
        /// What has been gone for longer than `gone` tells: who is behind that begins anew.
        var forgotten: UInt64 = 0
        /// A code of ``DashboardError``, or other words, while it cannot be looked at.
        var problem: String?
        var isKnown = false
    }

    private let backend: any DashboardBackend
    private let logger: Logger
    private let picture: ObservableValue<Picture>
    private let watchers = ObservableValue(0)
    /// Objects that are gone and told; beyond it whoever lags begins anew.
    private static let toldGone = 4096
    /// Lost wake-ups are made good after this long, while somebody looks.
    private static let longestSilence: Duration = .seconds(5)
    /// Changes that follow each other closely are told together.
    private static let shortestPause: Duration = .milliseconds(200)

    package init(backend: any DashboardBackend, epoch: String, logger: Logger) {
        self.backend = backend
        self.logger = logger
        picture = ObservableValue(Picture(epoch: epoch))
    }

    var current: Picture { picture.value }

    /// Somebody looks on from now on: the state is kept up to date. ``leave()`` follows.
    func enter() { watchers.change { $0 += 1 } }
    func leave() { watchers.change { $0 -= 1 } }

    /// Returns when there is a picture after `revision`.
    func next(after revision: UInt64) async throws -> Picture {
        try await picture.wait { $0.isKnown && $0.revision > revision ? $0 : nil }
    }

    /// Looks once, for a request that needs the state as it is now.
    func look() async -> Picture {
        let state: Result<DashboardState, any Error>
        do { state = .success(try await backend.state()) } catch { state = .failure(error) }
        let before = picture.value
        let encoded = state.map { (state: $0, objects: Self.encode($0, after: before)) }
        picture.change { picture in Self.merge(encoded, into: &picture) }
        return picture.value
    }

    /// Looks whenever something has changed and somebody looks on. Ends with its task.
    package func run() async {
        do {
            while true {
                try await watchers.wait { $0 > 0 ? () : nil }
                await withTaskGroup(of: Void.self) { group in
                    let wake = ObservableValue(0)
                    group.addTask { await self.listen(wake) }
                    await self.follow(wake)
                    group.cancelAll()
                }
                try Task.checkCancellation()
            }
        } catch {
            // Cancelled: the dashboard ends.
        }
    }

    /// Where nobody tells of changes, or no more, it is asked again after a while; what is there is looked at meanwhile.
    private func listen(_ wake: ObservableValue<Int>) async {
        do {
            while true {
                for await _ in await backend.changes() { wake.change { $0 += 1 } }
                try await Task.sleep(for: Self.longestSilence)
            }
        } catch {
            // Cancelled: nobody looks on any more.
        }
    }

    /// Until nobody looks on any more.
    private func follow(_ wake: ObservableValue<Int>) async {
        do {
            var seen = -1
            while watchers.value > 0 {
                seen = wake.value
                _ = await look()
                try await Task.sleep(for: Self.shortestPause)
                do {
                    try await withDeadline(Self.longestSilence) { [seen] in
                        try await wake.wait { $0 != seen ? () : nil }
                    }
                } catch is DeadlinePassed {
                    continue
                }
            }
        } catch {
            // Cancelled.
        }
    }

    /// Objects that are as in the picture before are not encoded again.
    private static func encode(_ state: DashboardState, after before: Picture) -> [Key: String] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var objects: [Key: String] = [:]
        func add<Value: Encodable>(_ key: Key, _ value: Value) {
            // A value of ours that cannot be written (a number that is none) is left out, not the whole picture.
            guard let data = try? encoder.encode(value) else { return }
            objects[key] = String(decoding: data, as: UTF8.self)
        }
        func addAll<Value: Encodable & Equatable & Identifiable>(
            _ kind: String, _ part: KeyPath<DashboardState, [Value]>
        )
        where Value.ID == String {
            let former = Dictionary(
                before.state?[keyPath: part].map { ($0.id, $0) } ?? [], uniquingKeysWith: { first, _ in first })
            for item in state[keyPath: part] {
                let key = Key(kind: kind, id: item.id)
                if former[item.id] == item, let same = before.objects[key] {
                    objects[key] = same.json
                } else {
                    add(key, item)
                }
            }
        }
        add(Key(kind: "cluster", id: ""), state.cluster)
        addAll("nodes", \.nodes)
        addAll("services", \.services)
        addAll("tasks", \.tasks)
        addAll("networks", \.networks)
        addAll("containers", \.containers)
        addAll("alerts", \.alerts)
        addAll("paths", \.paths)
        return objects
    }

    private static func merge(
        _ encoded: Result<(state: DashboardState, objects: [Key: String]), any Error>, into picture: inout Picture
    ) {
        picture.isKnown = true
        let next = picture.revision + 1
        var hasChanged = picture.revision == 0
        switch encoded {
        case .failure(let error):
            let problem = (error as? DashboardError)?.code.rawValue ?? "unavailable"
            hasChanged = hasChanged || picture.problem != problem
            picture.problem = problem
        case .success((let state, let objects)):
            picture.state = state
            if picture.problem != nil { hasChanged = true }
            picture.problem = nil
            for (key, json) in objects where picture.objects[key]?.json != json {
                picture.objects[key] = (next, json)
                hasChanged = true
            }
            for key in picture.objects.keys where objects[key] == nil {
                picture.objects[key] = nil
                picture.gone.append((next, key))
                hasChanged = true
            }
            if let last = picture.gone.dropLast(toldGone).last {
                picture.forgotten = last.revision
                picture.gone = Array(picture.gone.suffix(toldGone))
            }
        }
        if hasChanged { picture.revision = next }
    }
}

extension StateHub.Picture {
    /// What has changed since a revision as one JSON object: `{"epoch", "revision", "whole", "problem", "set": {kind: [object]}, "gone": {kind: [id]}}`.
    /// - Parameter revision: `nil`, or one that is too old, for everything.
    func delta(since revision: UInt64?) -> String {
        let isWhole = revision.map { $0 < forgotten || $0 > self.revision } ?? true
        let since = isWhole ? 0 : revision ?? 0
        var set: [String: [String]] = [:]
        for (key, object) in objects where object.revision > since { set[key.kind, default: []].append(object.json) }
        var lost: [String: [String]] = [:]
        if !isWhole {
            for (number, key) in gone where number > since && objects[key] == nil {
                lost[key.kind, default: []].append(Self.quoted(key.id))
            }
        }
        let parts = [
            "\"epoch\":\(Self.quoted(epoch))", "\"revision\":\(self.revision)", "\"whole\":\(isWhole)",
            "\"problem\":\(problem.map(Self.quoted) ?? "null")",
            "\"set\":{\(Self.lists(set))}", "\"gone\":{\(Self.lists(lost))}",
        ]
        return "{\(parts.joined(separator: ","))}"
    }

    private static func lists(_ values: [String: [String]]) -> String {
        values.sorted { $0.key < $1.key }.map { "\"\($0.key)\":[\($0.value.joined(separator: ","))]" }
            .joined(separator: ",")
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 0x20 || scalar.value == 0x2028 || scalar.value == 0x2029:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
