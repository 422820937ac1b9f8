import Concurrency
package import LinuxSystem
package import Logging
import Logs
import Model
import Synchronization

/// Ships the lines of containers whose log driver has a receiver: from conmon's files, from a stored position on, whatever happens to the
/// container, the receiver or the daemon meanwhile.
///
/// Nothing here makes a container wait: what is told returns at once, and what cannot be sent stays in the files until their bound.
package final class LogShipper: Sendable {
    /// A removed container's rest is kept so long.
    private static let longestSpool = Duration.seconds(24 * 3600)

    /// A batch waits longer for further lines.
    private static let batchPause = Duration.milliseconds(20)

    /// Moving files takes no longer unless the disk is in trouble.
    private static let longestRelease = Duration.seconds(10)
    /// How long a position that has moved waits to be saved: with what saving takes a crash repeats no more than a second of what was confirmed.
    private static let pauseOfPositions = Duration.milliseconds(800)

    private struct Shipped {
        var log: ShippedLog
        var sender: DestinationSender
        var watch: OwnedTasks
    }

    private struct Former: Hashable {
        var driver: String
        var address: String
    }

    /// Of so many destinations without containers totals are kept.
    private static let mostFormer = 256

    private struct State {
        var senders: [String: DestinationSender] = [:]
        var shipped: [String: Shipped] = [:]
        /// What they are to be is known, but not yet what positions they had.
        var moved: Set<String> = []
        /// Totals of destinations that no container has any more, so that what counts up does not fall.
        var former = BoundedTable<Former, DestinationTotals>(most: LogShipper.mostFormer)
    }

    private enum Order: Sendable {
        case begin(ShippedLog, isRunning: Bool, isRemoved: Bool)
        case end(String)
        case release(String, promise: Promise<Void>)
        case discard(String)
        case news(DestinationSender.News, destination: String)
    }

    private let host: LogHost
    private let spool: LogSpool
    private let keeper: any PositionKeeping
    private let watcher: FileWatcher
    private let log: Logger
    private let tell: @Sendable (ShippingNews) -> Void
    private let thread = WorkerThread()
    private let state = Mutex(State())
    private let orders: AsyncStream<Order>
    private let inbox: AsyncStream<Order>.Continuation
    private let hasMoved = AsyncEvent()

    /// - Parameters:
    ///   - spool: Where what removed containers leave is kept.
    ///   - quota: Bytes that all of that may have; the oldest goes first.
    ///   - watcher: The process' one.
    ///   - tell: Must not block.
    package init(
        host: LogHost, spool: String, quota: Int64, keeper: any PositionKeeping, watcher: FileWatcher, log: Logger,
        tell: @escaping @Sendable (ShippingNews) -> Void
    ) {
        self.host = host
        self.keeper = keeper
        self.log = log
        self.spool = LogSpool(directory: spool, quota: quota)
        self.tell = tell
        self.watcher = watcher
        (orders, inbox) = AsyncStream.makeStream(of: Order.self)
    }

    /// A container's lines are to be shipped; told at its start, and of every container when the daemon begins.
    /// - Parameter isRunning: More may be written.
    package func begin(_ log: ShippedLog, isRunning: Bool) {
        inbox.yield(.begin(log, isRunning: isRunning, isRemoved: false))
    }

    /// A container has ended: what it wrote last is sent without a line's end, too.
    package func end(_ id: String) { inbox.yield(.end(id)) }

    /// Takes the files of a container that is being removed; what has not been sent of them is sent yet. Returns when they are out of the
    /// container's directory, and never waits for a receiver.
    package func release(_ id: String) async {
        let promise = Promise<Void>()
        inbox.yield(.release(id, promise: promise))
        // Cancelled, or the daemon ends: the files go with the container.
        try? await withDeadline(Self.longestRelease) { try await promise.value() }
    }

    /// Gives up what a removed container has left, or what of it was set aside.
    package func discard(_ id: String) { inbox.yield(.discard(id)) }

    /// What removed containers have left, by their ids; what was set aside by the name that it has got.
    package func spoolUsage() async throws -> [(id: String, bytes: Int64, modified: Int64)] {
        let spool = spool
        return try await thread.run { try spool.usage() }
    }

    /// How the shipping of a container's lines stands; `nil` for one that is not shipped.
    package func status(of id: String) async -> ShippingStatus? {
        guard let shipped = state.withLock({ $0.shipped[id] }) else { return nil }
        return await shipped.sender.status(of: id)
    }

    /// Of all that are shipped, by the containers' ids, with their drivers.
    package func statuses() async -> [String: (driver: String, status: ShippingStatus)] {
        var all: [String: (driver: String, status: ShippingStatus)] = [:]
        for (id, shipped) in state.withLock({ $0.shipped }) {
            if let status = await shipped.sender.status(of: id) { all[id] = (shipped.log.driver, status) }
        }
        return all
    }

    /// Of all destinations, those that no container has any more among them.
    package func destinations() async -> [DestinationStatus] {
        let (senders, drivers, former) = state.withLock { state in
            let drivers = state.shipped.values.map { ($0.sender.destination, $0.log.driver) }
            return (
                Array(state.senders.values), Dictionary(drivers, uniquingKeysWith: { first, _ in first }),
                state.former.all
            )
        }
        var rest = former
        var all: [DestinationStatus] = []
        for sender in senders {
            guard let driver = drivers[sender.destination] else { continue }
            var status = await sender.status()
            status.driver = driver
            if let before = rest.removeValue(forKey: Former(driver: driver, address: status.address)) {
                status.totals.add(before)
            }
            all.append(status)
        }
        return all + rest.map { DestinationStatus(driver: $0.driver, address: $0.address, totals: $1) }
    }

    // MARK: Running

    /// Ships until cancelled. Once only.
    package func run() async {
        var positions: [String: LogPosition] = [:]
        do { positions = try await keeper.positions() } catch {
            log.error(
                "positions of logs could not be read: they are sent from the beginning", metadata: ["error": "\(error)"]
            )
        }
        do {
            let spool = spool
            let left = try await thread.run { try spool.left() }
            for record in left.unread {
                log.error(
                    "what a removed container left cannot be read and is set aside",
                    metadata: ["path": "\(record.id)", "reason": "\(record.reason)"])
                tell(.unread(record))
            }
            for shipped in left.logs { inbox.yield(.begin(shipped, isRunning: false, isRemoved: true)) }
        } catch { log.error("what removed containers left could not be read", metadata: ["error": "\(error)"]) }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.keepPositions() }
            for await order in orders {
                if Task.isCancelled { break }
                switch order {
                case .begin(let log, let isRunning, let isRemoved):
                    await begin(log, isRunning, isRemoved, &positions, in: &group)
                case .end(let id):
                    guard let shipped = state.withLock({ $0.shipped[id] }) else { break }
                    shipped.watch.cancel()
                    await shipped.sender.set(id, isOver: true)
                case .release(let id, let promise):
                    await release(id, in: &group)
                    promise.succeed(())
                case .discard(let id): await drop(id, "the quota of logs was reached")
                case .news(let news, let destination): await take(news, of: destination, &positions)
                }
            }
            group.cancelAll()
        }
        await uncancelled { await self.savePositions() }
    }

    private func begin(
        _ shipped: ShippedLog, _ isRunning: Bool, _ isRemoved: Bool, _ positions: inout [String: LogPosition],
        in group: inout DiscardingTaskGroup
    ) async {
        let id = shipped.origin.id
        if let known = state.withLock({ $0.shipped[id] }) {
            known.watch.cancel()
            // The facts may be others than at its last start, such as a name; its position is what it was.
            positions[id] = await known.sender.position(of: id)
            await leave(known.sender, id, known.log.driver)
        }
        do {
            guard let driver = try DriverTable.make(shipped.driver, shipped.options, host: host) else { return }
            let encoder = try driver.makeEncoder(for: shipped.origin)
            let sender = sender(for: driver, in: &group)
            let watch = OwnedTasks()
            if isRunning { try self.watch(shipped, sender, watch) }
            state.withLock { $0.shipped[id] = Shipped(log: shipped, sender: sender, watch: watch) }
            await sender.add(
                Lane(
                    id: id, path: shipped.path, encoder: encoder, from: positions[id] ?? LogPosition(),
                    isOver: !isRunning, isRemoved: isRemoved))
            if isRemoved { expire(id, in: &group) }
        } catch {
            // Checked when the container was created; what a newer version does not take any more.
            log.error("a log cannot be shipped", metadata: ["container": "\(id.prefix(12))", "error": "\(error)"])
        }
    }

    private func sender(for driver: any LogDriver, in group: inout DiscardingTaskGroup) -> DestinationSender {
        let destination = driver.destination
        if let known = state.withLock({ $0.senders[destination] }) { return known }
        let inbox = inbox
        let sender = DestinationSender(
            destination: destination, address: driver.shownAddress, transport: driver.makeTransport(), thread: thread,
            log: log
        ) { inbox.yield(.news($0, destination: destination)) }
        state.withLock { $0.senders[destination] = sender }
        group.addTask { await sender.run() }
        return sender
    }

    /// Has the sender look when something was written. A log that is written to all the time is not watched in between: conmon's writes come by the
    /// thousand, and each that is told of costs more than to write it.
    private func watch(_ shipped: ShippedLog, _ sender: DestinationSender, _ tasks: OwnedTasks) throws {
        let id = shipped.origin.id
        let (watcher, directory) = (watcher, Files.parent(of: shipped.path))
        let kinds: FileEventKinds = [.modified, .created, .movedIn]
        let first = try watcher.events(in: directory, kinds)
        tasks.begin {
            var events = Optional(first)
            while !Task.isCancelled {
                let event = await Self.next(of: &events)
                await sender.want(id)
                // None: it could not be watched. Cancelled, or the directory is gone: nothing more is written.
                let pause = event == nil ? .seconds(1) : Self.batchPause
                guard event != .gone, (try? await Task.sleep(for: pause)) != nil else { return }
                events = try? watcher.events(in: directory, kinds)
                // For what was written meanwhile.
                await sender.want(id)
            }
        }
    }

    /// The next event; the watch ends with it.
    private static func next(of events: inout AsyncStream<FileEvent>?) async -> FileEvent? {
        guard let watched = events.take() else { return nil }
        for await event in watched { return event }
        return nil
    }

    private func release(_ id: String, in group: inout DiscardingTaskGroup) async {
        guard var shipped = state.withLock({ $0.shipped[id] }) else { return }
        shipped.watch.cancel()
        let (spool, old) = (spool, shipped.log)
        shipped.log.path = spool.path(of: id)
        let log = shipped.log
        do {
            try await shipped.sender.move(id, to: shipped.log.path) { try spool.take(log, from: old.path) }
            state.withLock { [shipped] in $0.shipped[id] = shipped }
            expire(id, in: &group)
            for gone in try await thread.run({ try spool.overQuota(but: id) }) {
                await drop(gone, "the quota of logs was reached")
            }
        } catch {
            self.log.warning(
                "the rest of a removed container's log is not sent",
                metadata: ["container": "\(id.prefix(12))", "error": "\(error)"])
            await drop(id, "it could not be kept")
        }
    }

    private func expire(_ id: String, in group: inout DiscardingTaskGroup) {
        group.addTask {
            // Cancelled: the daemon ends, and the next instance counts anew.
            guard (try? await Task.sleep(for: Self.longestSpool)) != nil else { return }
            await self.drop(id, "it was not taken for 24 hours")
        }
    }

    /// A sender whose last container has gone ends.
    private func leave(_ sender: DestinationSender, _ id: String, _ driver: String) async {
        guard await sender.remove(id) else { return }
        let totals = await sender.status().totals
        state.withLock { state in
            state.senders[sender.destination] = nil
            let key = Former(driver: driver, address: sender.address)
            var sum = state.former[key] ?? DestinationTotals()
            sum.add(totals)
            state.former[key] = sum
        }
        await sender.stop()
    }

    /// Gives up what is left of a removed container.
    private func drop(_ id: String, _ reason: String) async {
        if LogSpool.isAside(id) { return await dropAside(id, reason) }
        guard let shipped = state.withLock({ $0.shipped[id] }) else { return }
        await shipped.sender.giveUp()
        tell(.dropped(container: id, driver: shipped.log.driver, lines: 0, reason: reason))
        await forget(id)
    }

    /// It is nobody's to send: somebody may look at it for as long as there is room.
    private func dropAside(_ id: String, _ reason: String) async {
        let spool = spool
        do {
            try await thread.run { try spool.remove(id) }
            log.warning("what was set aside of a log is removed", metadata: ["name": "\(id)", "reason": "\(reason)"])
        } catch {
            log.warning("what was set aside of a log stays", metadata: ["name": "\(id)", "error": "\(error)"])
        }
    }

    private func forget(_ id: String) async {
        guard let shipped = state.withLock({ $0.shipped.removeValue(forKey: id) }) else { return }
        shipped.watch.cancel()
        await leave(shipped.sender, id, shipped.log.driver)
        let spool = spool
        do {
            try await thread.run { try spool.remove(id) }
            try await keeper.save([id: nil])
        } catch {
            log.warning(
                "what a removed container left stays", metadata: ["container": "\(id.prefix(12))", "error": "\(error)"])
        }
    }

    private func take(_ news: DestinationSender.News, of destination: String, _ positions: inout [String: LogPosition])
        async
    {
        switch news {
        case .moved(let id):
            state.withLock { _ = $0.moved.insert(id) }
            hasMoved.signal()
        case .health(let health):
            let (address, there) = state.withLock { state in
                (
                    state.senders[destination]?.address ?? "",
                    state.shipped.values.filter { $0.sender.destination == destination }.map(\.log)
                )
            }
            let ids = there.map(\.origin.id).sorted()
            let driver = there.first?.driver ?? ""
            switch health {
            case .ok: tell(.up(containers: ids, driver: driver, address: address))
            case .down(let error):
                log.warning(
                    "a receiver of logs is down",
                    metadata: ["driver": "\(driver)", "address": "\(address)", "error": "\(error)"])
                tell(.down(containers: ids, driver: driver, address: address, error: error))
            }
        case .dropped(let id, let lines, let reason):
            let driver = state.withLock { $0.shipped[id]?.log.driver } ?? ""
            tell(.dropped(container: id, driver: driver, lines: lines, reason: reason))
        case .done(let id): await forget(id)
        }
    }

    // MARK: Positions

    /// Saves what has moved, at least once a second as long as something does.
    private func keepPositions() async {
        while !Task.isCancelled {
            await hasMoved.wait()
            // Cancelled: saved once more at the end.
            try? await Task.sleep(for: Self.pauseOfPositions)
            await savePositions()
        }
    }

    private func savePositions() async {
        let moved = state.withLock { state in
            defer { state.moved = [] }
            return state.moved.compactMap { id in state.shipped[id].map { (id, $0.sender) } }
        }
        var positions: [String: LogPosition?] = [:]
        for (id, sender) in moved {
            if let position = await sender.position(of: id) { positions[id] = position }
        }
        guard !positions.isEmpty else { return }
        do { try await keeper.save(positions) } catch {
            log.warning("positions of logs could not be saved", metadata: ["error": "\(error)"])
        }
    }
}
