import Cluster
import Concurrency
import DockerMessages
import EngineInterface
import Faults
import Foundation
import Logging
import Model
import NIOCore

// Lines come as `docker service logs --timestamps --details` gives them: a stamp, who said it, the text.
extension EngineDashboard {
    /// How long lines are looked at for one answer, and how many.
    private static let longestLook: Duration = .seconds(5)
    private static let mostLines = 200_000
    /// Services whose logs are read for one answer.
    private static let mostScopes = 32
    /// Of a node that is asked over the network there are few: one page must not take all the places that the node has for such questions.
    private static let mostOfRemote = 8

    /// The logs that are asked for.
    private struct LogScopes {
        var all: [DashboardScope] = []
        /// Containers that are not in it: they are too many for one answer, or for what nodes tell of themselves.
        var leftOut = 0

        /// Those that are read.
        var read: ArraySlice<DashboardScope> { all.prefix(EngineDashboard.mostScopes) }
        /// Whether one that cannot be read hides others.
        var areSeveral: Bool { all.count > 1 }
        var partial: DashboardLogsRead? {
            let count = all.count + leftOut
            if read.count == count { return nil }
            return DashboardLogsRead(
                read: read.count, all: count, most: EngineDashboard.mostScopes,
                mostOfNode: EngineDashboard.mostOfRemote)
        }
    }

    package func logs(_ query: DashboardLogQuery) async throws -> DashboardLogPage {
        let found = LogFinds(most: query.limit)
        let isFiltered = query.text != nil || query.onlyErrors || query.onlyStated
        var page = DashboardLogPage(reachedBack: query.window.from)
        let wanted = try await resolve(query.scopes)
        page.partial = wanted.partial
        let isWhole = try await each(wanted, found) { scope in
            var asked = Self.query(query.window)
            // Without a filter the newest that fit are the answer; with one all have to be looked at.
            if !isFiltered { asked.tail = query.limit }
            try await self.read(scope, asked) { lines in
                found.add(lines.filter { Self.fits($0, query) }, looked: lines.count)
                return found.looked <= Self.mostLines
            }
        }
        let result = found.result()
        page.lines = result.lines
        page.notes = result.notes
        page.isCut = !isWhole || found.looked > Self.mostLines
        if result.isCut, let first = page.lines.first, let time = Int64(exactly: first.time.rounded(.towardZero)) {
            page.reachedBack = time
        }
        return page
    }

    package func allLines(_ query: DashboardLogQuery) async throws -> AsyncThrowingStream<[DashboardLogLine], any Error>
    {
        let wanted = try await resolve(query.scopes)
        let merged = MergedLog(most: query.limit) { Self.fits($0, query) }
        if let partial = wanted.partial {
            await merged.note("\(partial.read) of \(partial.all) logs were read: choose some")
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for scope in wanted.read {
                group.addTask {
                    let name = String(scope.id.prefix(12))
                    do {
                        let (log, line) = try await withDeadline(Self.longestLook) {
                            try await self.open(scope, Self.query(query.window))
                        }
                        await merged.add(log, called: name, line)
                    } catch is DeadlinePassed {
                        await merged.note("\(name): no answer")
                    } catch let fault as any Fault where wanted.areSeveral {
                        await merged.note("\(name): \(DockerMessage.text(of: fault))")
                    }
                }
            }
            try await group.waitForAll()
        }
        return AsyncThrowingStream(unfolding: { try await merged.next() })
    }

    package func logVolume(_ query: DashboardLogQuery, buckets: Int) async throws -> DashboardLogVolume {
        let counts = VolumeCounts(query.window, buckets: buckets)
        let wanted = try await resolve(query.scopes)
        // What is noted here could not be read, or not to its end, as of a node that does not answer.
        let unread = LogFinds(most: 1)
        let isWhole = try await each(wanted, unread) { scope in
            try await self.read(scope, Self.query(query.window)) { lines in
                for line in lines where line.stream == 3 { unread.note(line.text) }
                counts.add(lines.filter { Self.fits($0, query) }, looked: lines.count)
                return counts.looked <= Self.mostLines
            }
        }
        var volume = counts.result()
        volume.partial = wanted.partial
        volume.isCut = !isWhole || counts.looked > Self.mostLines || !unread.result().notes.isEmpty
        return volume
    }

    package func followLines(
        _ scopes: [DashboardScope], _ take: @escaping @Sendable ([DashboardLogLine]) -> Void
    ) async throws {
        var query = Self.query(nil)
        query.follow = true
        query.tail = 0
        let wanted = try await resolve(scopes).read
        try await withThrowingTaskGroup(of: Void.self) { group in
            for scope in wanted {
                group.addTask { [query] in
                    do {
                        try await self.read(scope, query) { lines in
                            take(lines)
                            return true
                        }
                    } catch let fault as any Fault where wanted.count > 1 {
                        // One that cannot be read ends no other.
                        self.logger.debug(
                            "a log is not followed",
                            metadata: ["scope": "\(scope.id)", "error": "\(DockerMessage.text(of: fault))"])
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Each scope at the same time, within the time that one answer may take: what has been found by then is the answer.
    /// - Returns: Whether all of them have come to their end by then.
    private func each(
        _ wanted: LogScopes, _ found: LogFinds,
        _ body: @escaping @Sendable (DashboardScope) async throws -> Void
    ) async throws -> Bool {
        do {
            try await withDeadline(Self.longestLook) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for scope in wanted.read {
                        group.addTask {
                            do { try await body(scope) } catch let fault as any Fault where wanted.areSeveral {
                                // One that cannot be read hides no other.
                                found.note("\(scope.id.prefix(12)): \(DockerMessage.text(of: fault))")
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
            return true
        } catch is DeadlinePassed {
            return false
        }
    }

    /// `cluster` is every service, a network every service on it, a node every task on it, and of the first and the last every container there that
    /// belongs to no task as well.
    private func resolve(_ scopes: [DashboardScope]) async throws -> LogScopes {
        var result = LogScopes()
        for scope in scopes {
            switch scope.kind {
            case .service, .task, .container: result.all.append(scope)
            case .cluster:
                let services = try await sources.services.listServices(Filters(), withStatus: false)
                result.all += services.map { DashboardScope(.service, $0.id) }
                try await addContainers(of: nil, to: &result)
            case .node:
                let tasks = try await sources.tasks.listTasks(Filters(["node": [scope.id]]))
                result.all += tasks.filter { $0.status.state >= .starting }.map { DashboardScope(.task, $0.id) }
                try await addContainers(of: scope.id, to: &result)
            case .network:
                let services = try await sources.services.listServices(Filters(), withStatus: false)
                let found = services.filter { Self.isOn(scope.id, $0) }
                guard !found.isEmpty else { throw DashboardError(.badRequest) }
                result.all += found.map { DashboardScope(.service, $0.id) }
            }
        }
        return result
    }

    /// Whether a service has an address on the network of that id, or its tasks are to have one.
    private static func isOn(_ network: String, _ service: Service) -> Bool {
        let attachments = service.spec.taskTemplate.networks ?? service.spec.networks ?? []
        return (service.endpoint.virtualIPs ?? []).contains { $0.networkID == network }
            || attachments.contains { $0.target == network }
    }

    /// Those that belong to no task and whose node can be asked, as ``inTurn(_:own:)`` puts them.
    /// - Parameter node: Its id; `nil` for all.
    private func addContainers(of node: String?, to scopes: inout LogScopes) async throws {
        let own = await sources.swarm.swarmInfo().nodeID
        var found: [ContainerView] = []
        if node == nil || node == own {
            let (shown, more) = try await containers(on: own)
            found = shown
            scopes.leftOut += more
        }
        if let known = await extras.standalone?() {
            let now = Timestamp.now
            for id in known.connected where id != own && (node == nil || node == id) {
                scopes.leftOut += known.board.leftOut(of: id)
            }
            for place in known.board.places where place.nodeID != own && known.connected.contains(place.nodeID) {
                if let node, place.nodeID != node { continue }
                found.append(ContainerView(place, now: now))
            }
        }
        let begun = found.filter { $0.state != "created" }
        let read = Self.inTurn(begun, own: own)
        scopes.all += read.map { DashboardScope(.container, $0.id) }
        scopes.leftOut += begun.count - read.count
    }

    /// The first of each node, this one's before others', then the second of each, and so on. Of a node what runs comes first, then what is new; but
    /// that is the node's word, which must not put its containers before those of others. Of another node there are few.
    static func inTurn(_ found: [ContainerView], own: String) -> [ContainerView] {
        let byNode = Dictionary(grouping: found, by: \.node).sorted { left, right in
            left.key == own || right.key == own ? left.key == own : left.key < right.key
        }
        let rows = byNode.map { node, containers -> ArraySlice<ContainerView> in
            let sorted = containers.sorted { left, right in
                let (first, second) = (left.state == "running", right.state == "running")
                return first == second ? left.createdAt > right.createdAt : first
            }
            return node == own ? sorted[...] : sorted.prefix(mostOfRemote)
        }
        let longest = rows.map(\.count).max() ?? 0
        return (0..<longest).flatMap { turn in rows.filter { turn < $0.count }.map { $0[turn] } }
    }

    private static func query(_ window: DashboardWindow?) -> LogQuery {
        var query = LogQuery()
        query.timestamps = true
        query.details = true
        query.since = window.map { Timestamp(milliseconds: $0.from) }
        query.until = window.map { Timestamp(milliseconds: $0.to) }
        return query
    }

    /// - Parameter take: Called with lines as they are read; false ends it.
    private func read(
        _ scope: DashboardScope, _ query: LogQuery, _ take: @Sendable ([DashboardLogLine]) -> Bool
    ) async throws {
        let (log, line) = try await open(scope, query)
        for try await chunks in log.output {
            guard take(chunks.compactMap(line)) else { return }
        }
    }

    /// A log, and what makes its chunks lines.
    private func open(_ scope: DashboardScope, _ query: LogQuery) async throws -> (
        LogStream, @Sendable (OutputChunk) -> DashboardLogLine?
    ) {
        switch scope.kind {
        case .task: return (try await sources.tasks.taskLogs(scope.id, query), { LogLines.line($0, owner: scope.id) })
        case .container:
            let log: LogStream
            if let logs = extras.standaloneLogs {
                log = try await logs(scope.id, query)
            } else {
                log = try await sources.logs.containerLogs(scope.id, query)
            }
            let node = await extras.standalone?()?.board.place(of: scope.id)?.nodeID ?? ""
            return (
                log,
                { chunk in
                    guard var line = LogLines.line(chunk, owner: scope.id) else { return nil }
                    if line.stream == 3 { return line }
                    // Whatever its log options say: it is no task's.
                    line.task = scope.id
                    line.node = node
                    return line
                }
            )
        default: return (try await sources.services.serviceLogs(scope.id, query), { LogLines.line($0, owner: "") })
        }
    }

    static func fits(_ line: DashboardLogLine, _ query: DashboardLogQuery) -> Bool {
        if line.stream == 3 { return true }
        // A node may answer with what nobody has asked for; stamps are finer than the window.
        guard line.time >= Double(query.window.from) - 1, line.time <= Double(query.window.to) + 1 else { return false }
        if query.onlyErrors, line.stream != 2 { return false }
        if query.onlyStated {
            let level = StatedLevel(line: line.text)
            guard level == .error || level == .warn else { return false }
        }
        guard let text = query.text else { return true }
        return line.text.range(of: text, options: .caseInsensitive) != nil
    }
}
