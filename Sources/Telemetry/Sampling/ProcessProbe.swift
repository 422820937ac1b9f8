import Glibc
import LinuxSystem

/// Reads what the kernel counts in the network namespace of a container, by its first process.
///
/// It keeps `/proc/PID` open, so that a number that another process has got since leads nowhere. The files below are opened each time: kept open, they would keep the
/// namespace after its container. What it says of interfaces is taken apart where it says anything else than before.
final class ProcessProbe {
    private static let mostInterfaces = 64

    let pid: pid_t
    private let directory: CInt
    /// The interfaces, and a mark of the text that said so: the loopback's counters are in it, too.
    private var devices: (mark: Int, counters: [NetworkCounters])?
    /// The connections, and the mark of the interfaces just before.
    private var latest: (mark: Int, tcp: TCP)?

    /// A process that has gone has nothing to read.
    init(_ pid: pid_t) {
        self.pid = pid
        directory = open("/proc/\(pid)", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }

    deinit { if directory >= 0 { close(directory) } }

    var isOpen: Bool { directory >= 0 }

    /// All but the loopback; none of a process that has ended.
    func interfaces(_ buffer: ReadBuffer) -> [NetworkCounters] {
        let former = devices
        devices = read("net/dev", buffer) { bytes -> (mark: Int, counters: [NetworkCounters]) in
            var hasher = Hasher()
            hasher.combine(bytes: bytes)
            let mark = hasher.finalize()
            if let former, former.mark == mark { return former }
            return (mark: mark, counters: Self.interfaces(bytes))
        }
        return devices?.counters ?? []
    }

    private func read<T>(_ name: String, _ buffer: ReadBuffer, _ body: (UnsafeRawBufferPointer) -> T) -> T? {
        guard directory >= 0 else { return nil }
        let file = openat(directory, name, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        return buffer.read(file).map(body)
    }

    /// - Parameter names: Networks by interfaces.
    /// - Returns: Counters of the interfaces among `names`.
    func networks(
        into row: inout SampleRow, _ names: [String: String], _ buffer: ReadBuffer
    ) -> [NetworkCounters] {
        let all = interfaces(buffer)
        if all.isEmpty, !isOpen { return [] }
        func sum(_ path: KeyPath<NetworkCounters, Int64>) -> Int64 {
            all.reduce(0) { $0.addingClamped($1[keyPath: path]) }
        }
        row[ContainerSeries.networkReceivedBytes] = sum(\.receivedBytes)
        row[ContainerSeries.networkSentBytes] = sum(\.sentBytes)
        row[ContainerSeries.networkReceivedPackets] = sum(\.receivedPackets)
        row[ContainerSeries.networkSentPackets] = sum(\.sentPackets)
        row[ContainerSeries.networkReceiveDrops] = sum(\.receiveDrops)
        row[ContainerSeries.networkSendDrops] = sum(\.sendDrops)
        row[ContainerSeries.networkReceiveErrors] = sum(\.receiveErrors)
        row[ContainerSeries.networkSendErrors] = sum(\.sendErrors)
        return all.compactMap { counters in
            guard let network = names[counters.interface] else { return nil }
            var counters = counters
            counters.network = network
            return counters
        }
    }

    /// They are as they were where no interface, the loopback among them, has counted anything since: a connection comes and goes with packets. Those that
    /// the container's own rules keep from every interface are the exception.
    /// - Parameter always: Whether they are read in any case.
    func connections(into row: inout SampleRow, always: Bool, _ buffer: ReadBuffer) {
        let mark = devices?.mark
        if always || mark == nil || latest?.mark != mark {
            latest = read("net/snmp", buffer) { (mark: mark ?? 0, tcp: Self.tcp($0)) }
        }
        guard let tcp = latest?.tcp else { return }
        row[ContainerSeries.tcpOpened] = tcp.opened
        row[ContainerSeries.tcpAccepted] = tcp.accepted
        row[ContainerSeries.tcpEstablished] = tcp.established
        row[ContainerSeries.tcpRetransmits] = tcp.retransmits
    }

    /// `/proc/net/dev`, without the loopback: two lines of titles, then `name: ` and sixteen numbers.
    static func interfaces(_ bytes: UnsafeRawBufferPointer) -> [NetworkCounters] {
        var text = StatText(bytes)
        var found: [NetworkCounters] = []
        repeat {
            guard found.count < mostInterfaces, let name = text.word(), name.last == 0x3a else { continue }
            let interface = name.dropLast().text
            if interface == "lo" { continue }
            var numbers: [Int64] = []
            while numbers.count < 16, let number = text.number() { numbers.append(number) }
            guard numbers.count >= 12 else { continue }
            var counters = NetworkCounters(interface: interface, network: "")
            counters.receivedBytes = numbers[0]
            counters.receivedPackets = numbers[1]
            counters.receiveErrors = numbers[2]
            counters.receiveDrops = numbers[3]
            counters.sentBytes = numbers[8]
            counters.sentPackets = numbers[9]
            counters.sendErrors = numbers[10]
            counters.sendDrops = numbers[11]
            found.append(counters)
        } while text.nextLine()
        return found
    }

    struct TCP: Equatable {
        var opened: Int64?
        var accepted: Int64?
        var established: Int64?
        var retransmits: Int64?
    }

    /// The two `Tcp:` lines of `/proc/net/snmp`: titles, then numbers (RFC 4022's names).
    static func tcp(_ bytes: UnsafeRawBufferPointer) -> TCP {
        var text = StatText(bytes)
        var titles: [String] = []
        var tcp = TCP()
        repeat {
            guard let first = text.word(), first.equals("Tcp:") else { continue }
            if titles.isEmpty {
                while titles.count < 64, let title = text.word() { titles.append(title.text) }
                continue
            }
            for title in titles {
                guard let word = text.word() else { break }
                // One may be negative, and is none of these.
                let value = StatText.number(word)
                switch title {
                case "ActiveOpens": tcp.opened = value
                case "PassiveOpens": tcp.accepted = value
                case "CurrEstab": tcp.established = value
                case "RetransSegs": tcp.retransmits = value
                default: break
                }
            }
            return tcp
        } while text.nextLine()
        return tcp
    }
}
