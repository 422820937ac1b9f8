import Concurrency
import Foundation
import HashTreeCollections
package import Logging
import Synchronization

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
        /// As JSON; what pictures have in common is shared, so that a change copies nothing else.
        var objects: TreeDictionary<Key, String> = [:]
        /// Which objects came, changed or went with a revision, the oldest first: who lags little is told by these.
        var steps: [(revision: UInt64, keys: [Key])] = []
        /// How many keys the steps have.
        var remembered = 0
        /// The steps up to this one are told no more: who is behind that begins anew.
        var forgotten: UInt64 = 0
        /// The number that the backend gave what was looked at last.
        var number: UInt64?
        /// A code of ``DashboardError``, or other words, while it cannot be looked at.
        var problem: String?
        var isKnown = false
    }

    private let backend: any DashboardBackend
    private let logger: Logger
    private let picture: ObservableValue<Picture>
    private let watchers = ObservableValue(0)
    /// An object as it is sent; without words when it cannot be written.
    typealias Written = (key: Key, json: String?)

    /// Looks follow each other: what one tells is what has changed since the one before.
    private let looks = KeyedLock<String>()
    private static let turn = "look"
    /// Looks are numbered from 1 on: the last that has begun, and the last that has found out how it is.
    private let count = Mutex((begun: UInt64(0), done: UInt64(0)))
    /// Everybody waits for a look that does not end, so it is given up after this long.
    private let longestLook: Duration
    /// Changes that are told of when there are few objects; of many it is twice as many as there are. Beyond it whoever lags begins anew.
    static let leastTold = 8192
    /// Lost wake-ups are made good after this long, while somebody looks.
    private static let longestSilence: Duration = .seconds(5)
    /// Changes that follow each other closely are told together.
    private static let shortestPause: Duration = .milliseconds(200)

    /// - Parameter longestLook: After which a look is given up, and the state cannot be looked at.
    package init(
        backend: any DashboardBackend, epoch: String, logger: Logger, longestLook: Duration = .seconds(30)
    ) {
        self.backend = backend
        self.logger = logger
        self.longestLook = longestLook
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

    /// How many wait until a look of others has ended.
    var waiting: Int { looks.waiterCount(Self.turn) }

    /// Looks once, for a request that needs the state as it is now. Those that come while others look share the next look.
    ///
    /// Whoever is cancelled has what was known before.
    func look() async -> Picture {
        let begun = count.withLock { $0.begun }
        do {
            return try await looks.runUnlessCancelled(Self.turn) {
                // It began after this one was asked for.
                let isDone = count.withLock { $0.done > begun }
                if !isDone { await lookAnew() }
                return picture.value
            }
        } catch {
            // Cancelled before its turn has come.
            return picture.value
        }
    }

    private func lookAnew() async {
        let number = count.withLock { count in
            count.begun += 1
            return count.begun
        }
        let changes: Result<DashboardChanges, any Error>
        do {
            let known = picture.value.number
            changes = .success(
                try await withDeadline(longestLook) { [backend] in try await backend.look(since: known) })
        } catch {
            // Whoever has asked is gone, which says nothing of the state: others are not told of it.
            if Task.isCancelled { return }
            changes = .failure(error)
        }
        let told = changes.map { (changes: $0, objects: Self.encode($0.state)) }
        picture.change { picture in picture.take(told) }
        count.withLock { $0.done = number }
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

    private static func encode(_ state: DashboardState) -> [Written] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var objects: [Written] = []
        func add<Value: Encodable>(_ key: Key, _ value: Value) {
            // A value of ours that cannot be written (a number that is none) is left out, not the whole picture.
            let data = try? encoder.encode(value)
            objects.append((key, data.map { String(decoding: $0, as: UTF8.self) }))
        }
        func addAll<Value: Encodable & Identifiable>(_ kind: DashboardKind, _ items: [Value]) where Value.ID == String {
            for item in items { add(Key(kind: kind.rawValue, id: item.id), item) }
        }
        add(Key(kind: "cluster", id: ""), state.cluster)
        addAll(.nodes, state.nodes)
        addAll(.services, state.services)
        addAll(.tasks, state.tasks)
        addAll(.networks, state.networks)
        addAll(.containers, state.containers)
        addAll(.alerts, state.alerts)
        addAll(.paths, state.paths)
        return objects
    }
}

extension StateHub.Picture {
    /// Takes in what a look has found; costs what is told of, and not what there is.
    fileprivate mutating func take(
        _ told: Result<(changes: DashboardChanges, objects: [StateHub.Written]), any Error>
    ) {
        isKnown = true
        let next = revision + 1
        switch told {
        case .failure(let error):
            let word = (error as? DashboardError)?.code.rawValue ?? "unavailable"
            guard revision == 0 || problem != word else { return }
            problem = word
            revision = next
        case .success((let changes, let told)):
            number = changes.number
            var changed: [StateHub.Key] = []
            for (key, json) in told where objects[key] != json {
                objects[key] = json
                changed.append(key)
            }
            for key in lost(by: changes, but: told) where objects.removeValue(forKey: key) != nil {
                changed.append(key)
            }
            guard revision == 0 || problem != nil || !changed.isEmpty else { return }
            problem = nil
            revision = next
            remember(changed)
        }
    }

    /// Keys of objects that have gone, known or not.
    private func lost(by changes: DashboardChanges, but told: [StateHub.Written]) -> [StateHub.Key] {
        if changes.isWhole {
            let present = Set(told.map(\.key))
            return objects.keys.filter { !present.contains($0) }
        }
        return changes.gone.flatMap { kind, ids in ids.map { StateHub.Key(kind: kind.rawValue, id: $0) } }
    }

    /// Half of it is forgotten at a time, so that a step costs the same however many are kept. The last one stays, however large it is.
    private mutating func remember(_ changed: [StateHub.Key]) {
        guard !changed.isEmpty else { return }
        steps.append((revision, changed))
        remembered += changed.count
        let most = max(StateHub.leastTold, 2 * objects.count)
        guard remembered > most else { return }
        var kept = steps[...]
        while remembered > most / 2, kept.count > 1, let first = kept.first {
            remembered -= first.keys.count
            forgotten = first.revision
            kept = kept.dropFirst()
        }
        steps = Array(kept)
    }
}

extension StateHub.Picture {
    /// What has changed since a revision as one JSON object: `{"epoch", "revision", "whole", "problem", "set": {kind: [object]}, "gone": {kind: [id]}}`.
    /// - Parameter revision: `nil`, or one that is too old, for everything.
    func delta(since revision: UInt64?) -> String {
        let isWhole = revision.map { $0 < forgotten || $0 > self.revision } ?? true
        var set: [String: [String]] = [:]
        var lost: [String: [String]] = [:]
        if isWhole {
            for (key, json) in objects { set[key.kind, default: []].append(json) }
        } else if let revision {
            var told: Set<StateHub.Key> = []
            for step in steps.reversed().prefix(while: { $0.revision > revision }) {
                for key in step.keys where told.insert(key).inserted {
                    if let json = objects[key] {
                        set[key.kind, default: []].append(json)
                    } else {
                        lost[key.kind, default: []].append(Self.quoted(key.id))
                    }
                }
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
