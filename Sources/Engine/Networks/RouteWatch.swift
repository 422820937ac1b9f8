import Addressing
import Concurrency
import LinuxSystem
import Logging
import Netlink
import Synchronization

/// Knows what the node's own network uses of the address space: it is read when the kernel tells that addresses or routes have changed, or when somebody
/// has written the host's resolv.conf(5), and not with each sign of life.
final class RouteWatch: Sendable {
    /// Changes that follow each other are read as one.
    private static let gathering = Duration.milliseconds(100)
    /// So many times as long as reading took, until it is read again: a host may have a million routes, and some that come and go.
    private static let rest = 20
    private static let shortestRest = Duration.seconds(1)
    /// Before it is tried again what has failed.
    private static let pause = Duration.seconds(5)

    private let namespace: NetworkNamespace?
    private let files: FileWatcher
    private let directory: String
    private let name: String
    private let log: Logger
    /// `nil` while nobody watches, or what is there could not be read: then whoever asks reads.
    private let known = ObservableValue<RoutedSubnets?>(nil)

    /// - Parameters:
    ///   - namespace: Whose network is the node's; `nil` is this process' own.
    ///   - resolvConf: The host's resolv.conf(5): a directory and a name in it.
    init(
        namespace: NetworkNamespace?, files: FileWatcher,
        resolvConf: (directory: String, name: String) = ("/etc", "resolv.conf"),
        log: Logger
    ) {
        directory = resolvConf.directory
        self.files = files
        self.log = log
        name = resolvConf.name
        self.namespace = namespace
    }

    private var path: String { "\(directory)/\(name)" }

    /// What there is, as of the last change.
    func present() async throws -> RoutedSubnets {
        if let known = known.value { return known }
        return try await RoutedSubnets.look(in: namespace, resolvConf: path)
    }

    /// Waits for something else than what is known.
    func wait(otherThan former: RoutedSubnets) async throws -> RoutedSubnets {
        try await known.wait { $0 == former ? nil : $0 }
    }

    /// Until cancelled.
    func run() async throws {
        while !Task.isCancelled {
            do { try await watch() } catch {
                try Task.checkCancellation()
                log.warning("the node's routes cannot be watched", metadata: ["error": "\(error)"])
            }
            known.set(nil)
            try await Task.sleep(for: Self.pause)
        }
    }

    private func watch() async throws {
        // Both are heard before anything is read: what changes in between is read again.
        let listener = try await RouteListener.open(in: namespace)
        let events = try files.events(in: directory, [.created, .movedIn, .removed, .written])
        let news = AsyncEvent()
        news.signal()
        let name = name
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in listener.changes { news.signal() } }
            group.addTask {
                for await event in events {
                    switch event {
                    case .created(let other), .movedIn(let other), .movedOut(let other), .removed(let other),
                        .modified(let other), .written(let other):
                        if other == name { news.signal() }
                    case .overflow, .gone: news.signal()
                    }
                }
            }
            group.addTask {
                while true {
                    await news.wait()
                    try await Task.sleep(for: Self.gathering)
                    let begun = ContinuousClock.now
                    let found = try await RoutedSubnets.look(in: self.namespace, resolvConf: self.path)
                    if self.known.value != found { self.known.set(found) }
                    try await Task.sleep(for: max(Self.shortestRest, (ContinuousClock.now - begun) * Self.rest))
                }
            }
            defer { group.cancelAll() }
            // None ends by itself but with what it watches.
            try await group.next()
        }
    }
}
