import Glibc
import LinuxSystem
import Netlink
import Synchronization
import TestKit
import Testing

@Suite struct NamespaceTests {
    @Test func `a namespace is made once, has its own sysctls, and is gone after removal`() async throws {
        try requireRoot()
        let path = "/run/apus-test/\(RandomID.hex(bytes: 6))"
        let namespace = try await NetworkNamespace.create(at: path)
        #expect(namespace.exists())
        try await namespace.run { try RouteSocket().perform(CreateBridge(name: "here")) }
        // A second creation finds it and what is in it.
        let again = try await NetworkNamespace.create(at: path)
        #expect(try await again.run { try RouteSocket().link(named: "here") } != nil)
        let outside = try Sysctl.read("net/ipv4/ip_forward")
        try await namespace.run {
            try Sysctl.write("net/ipv4/ip_forward", "0")
            #expect(try Sysctl.ensure("net/ipv4/ip_forward", "1"))
            #expect(try !Sysctl.ensure("net/ipv4/ip_forward", "1"))
        }
        #expect(try await namespace.run { try Sysctl.read("net/ipv4/ip_forward") } == "1")
        #expect(try Sysctl.read("net/ipv4/ip_forward") == outside)
        #expect(try await namespace.run { try Sysctl.read("net/no/such") } == nil)
        #expect(try NetworkNamespace.list(in: "/run/apus-test").contains(namespace))
        try await namespace.remove()
        try await namespace.remove()
        #expect(!namespace.exists())
        #expect(!Files.exists(path))
        await #expect(throws: SystemError.self) { try await namespace.run {} }
    }

    @Test func `of several that make a namespace at once all get the same`() async throws {
        try requireRoot()
        for _ in 0..<10 {
            let path = "/run/apus-test/\(RandomID.hex(bytes: 6))"
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 { group.addTask { _ = try await NetworkNamespace.create(at: path) } }
                try await group.waitForAll()
            }
            #expect(try Mounts.list().filter { $0.target == path }.count == 1)
            try await NetworkNamespace(path: path).remove()
            #expect(!Files.exists(path))
        }
    }

    @Test func `a name that was made and not bound is removed, a namespace is not`() async throws {
        try requireRoot()
        let directory = "/run/apus-test/\(RandomID.hex(bytes: 6))"
        let namespace = try await NetworkNamespace.create(at: directory + "/bound")
        try await cleaningUp {
            try Files.writeAtomically([], to: directory + "/unbound")
            try NetworkNamespace.removeUnbound(in: directory)
            #expect(try Files.list(directory) == ["bound"])
            #expect(namespace.exists())
        } by: {
            try await namespace.remove()
            try Files.removeTree(directory)
        }
    }

    @Test func `a namespace that cannot be prepared does not stay`() async throws {
        try requireRoot()
        let path = "/run/apus-test/\(RandomID.hex(bytes: 6))"
        await #expect(throws: SystemError.self) {
            _ = try await NetworkNamespace.create(at: path) {
                throw SystemError(errno: ENOBUFS, attempting: "raise the loopback")
            }
        }
        #expect(!NetworkNamespace(path: path).exists())
        // The next one begins anew instead of taking it as it is.
        let namespace = try await NetworkNamespace.create(at: path) {
            try RouteSocket().perform(SetLink("lo", isUp: true))
        }
        #expect(try await namespace.run { try RouteSocket().link(named: "lo")?.isUp } == true)
        try await namespace.remove()
    }

    @Test func `a name that was given twice over goes at once`() async throws {
        try requireRoot()
        let path = "/run/apus-test/\(RandomID.hex(bytes: 6))"
        let namespace = try await NetworkNamespace.create(at: path)
        try await onThread { try Mounts.bind("/proc/thread-self/ns/net", to: path) }
        try await namespace.remove()
        #expect(!Files.exists(path))
    }

    @Test func `work in a namespace leaves the callers' threads where they were`() async throws {
        try await withNetworkNamespace { namespace in
            let before = try Files.link("/proc/self/ns/net")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        let inside = try await namespace.run { try Files.link("/proc/thread-self/ns/net") }
                        #expect(inside != before)
                        #expect(try Files.link("/proc/thread-self/ns/net") == before)
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `threads are used again, from home, and never after more than a namespace was changed`() async throws {
        try await withNetworkNamespace { namespace in
            let home = try Files.link("/proc/self/ns/net")
            for _ in 0..<3 { try await onThread {} }
            let before = KernelCounters.now
            for _ in 0..<50 {
                let inside = try await namespace.run { try Files.link("/proc/thread-self/ns/net") }
                let after = try await onThread { try Files.link("/proc/thread-self/ns/net") }
                #expect(inside != home && after == home)
            }
            // Others test beside this one, and what has just ended is not back yet.
            #expect((KernelCounters.now - before).threads < 50)
            let discarded = try await onThread {
                discardThread()
                return try Files.link("/proc/thread-self")
            }
            for _ in 0..<20 { #expect(try await onThread { try Files.link("/proc/thread-self") } != discarded) }
        }
    }

    private final class Arrivals: Sendable { let count = Mutex(0) }

    @Test func `as many run at a time as there is work`() async throws {
        let arrived = Arrivals()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<40 {
                group.addTask {
                    try await onThread {
                        arrived.count.withLock { $0 += 1 }
                        // Each waits for all others.
                        while arrived.count.withLock({ $0 }) < 40 { usleep(1000) }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Notes in which network namespace its tasks are woken up.
    private final class WakeRecorder: TaskExecutor {
        let places = Mutex<Set<String>>([])

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            do {
                let place = try Files.link("/proc/thread-self/ns/net")
                places.withLock { _ = $0.insert(place) }
                pthread_detach(try startThread { job.runSynchronously(on: self.asUnownedTaskExecutor()) })
            } catch {
                Issue.record(error)
            }
        }
    }

    @Test func `nobody is woken up from within a namespace, where a thread of the pool would begin`() async throws {
        try await withNetworkNamespace { namespace in
            let recorder = WakeRecorder()
            try await withTaskExecutorPreference(recorder) {
                for _ in 0..<3 { try await namespace.run {} }
            }
            let places = recorder.places.withLock { $0 }
            #expect(places == [try Files.link("/proc/self/ns/net")])
        }
    }

    @Test func `errors come back from the thread, and a blocking caller may wait in place`() async throws {
        await #expect(throws: SystemError(errno: EIO, attempting: "x")) {
            try await onThread { throw SystemError(errno: EIO, attempting: "x") }
        }
        #expect(try onThreadBlocking { 42 } == 42)
        #expect(throws: SystemError.self) {
            try onThreadBlocking { throw SystemError(errno: EIO, attempting: "x") }
        }
    }
}
