package import Model

/// One object of `GET /containers/{id}/stats`, in the API's own spelling. Source: Engine API 1.50, `ContainerStatsResponse`;
/// which fields there are with which cgroup version is as in moby's `daemon/stats_unix.go`.
package struct StatsAnswer: Encodable, Sendable {
    private let present: ContainerMeasurement
    private let before: ContainerMeasurement.Usage?

    /// - Parameter before: The measurement before this one, from which clients compute shares of the processors.
    package init(_ present: ContainerMeasurement, before: ContainerMeasurement.Usage?) {
        self.before = before
        self.present = present
    }

    private enum CodingKeys: String, CodingKey {
        case read, preread, name, id, networks
        case processes = "pids_stats"
        case devices = "blkio_stats"
        case windowsProcesses = "num_procs"
        case windowsStorage = "storage_stats"
        case cpu = "cpu_stats"
        case cpuBefore = "precpu_stats"
        case memory = "memory_stats"
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        let usage = present.usage
        try container.encode(usage?.timestamp ?? .zero, forKey: .read)
        try container.encode(before?.timestamp ?? .zero, forKey: .preread)
        try container.encode(Processes(current: usage?.processes, limit: usage?.processLimit), forKey: .processes)
        try container.encode(Devices(usage), forKey: .devices)
        // Windows only, and present all the same.
        try container.encode(0, forKey: .windowsProcesses)
        try container.encode([String: Int](), forKey: .windowsStorage)
        try container.encode(Processor(usage?.cpu), forKey: .cpu)
        try container.encode(Processor(before?.cpu), forKey: .cpuBefore)
        try container.encode(Memory(usage?.memory), forKey: .memory)
        try container.encode("/" + present.name, forKey: .name)
        try container.encode(present.identifier, forKey: .id)
        if let networks = usage?.networks, !networks.isEmpty {
            try container.encode(networks.mapValues(Interface.init), forKey: .networks)
        }
    }

    private struct Processes: Encodable {
        var current: UInt64?
        var limit: UInt64?
    }

    private struct Processor: Encodable {
        let cpuUsage: Usage
        let systemCPUUsage: UInt64?
        let onlineCPUs: Int?
        let throttling: Throttling

        init(_ cpu: ContainerMeasurement.Processor?) {
            cpuUsage = Usage(
                total: cpu?.nanoseconds ?? 0, each: cpu?.nanosecondsPerProcessor, kernel: cpu?.kernelNanoseconds ?? 0,
                user: cpu?.userNanoseconds ?? 0)
            systemCPUUsage = cpu?.machineNanoseconds
            onlineCPUs = cpu?.onlineProcessors
            throttling = Throttling(
                periods: cpu?.periods ?? 0, throttledPeriods: cpu?.throttledPeriods ?? 0,
                throttledTime: cpu?.throttledNanoseconds ?? 0)
        }

        enum CodingKeys: String, CodingKey {
            case cpuUsage = "cpu_usage"
            case systemCPUUsage = "system_cpu_usage"
            case onlineCPUs = "online_cpus"
            case throttling = "throttling_data"
        }

        struct Usage: Encodable {
            let total: UInt64
            let each: [UInt64]?
            let kernel: UInt64
            let user: UInt64
            enum CodingKeys: String, CodingKey {
                case total = "total_usage"
                case each = "percpu_usage"
                case kernel = "usage_in_kernelmode"
                case user = "usage_in_usermode"
            }
        }

        struct Throttling: Encodable {
            let periods: UInt64
            let throttledPeriods: UInt64
            let throttledTime: UInt64
            enum CodingKeys: String, CodingKey {
                case periods
                case throttledPeriods = "throttled_periods"
                case throttledTime = "throttled_time"
            }
        }
    }

    private struct Memory: Encodable {
        let usage: UInt64?
        let peak: UInt64?
        let stats: [String: UInt64]?
        let limit: UInt64?

        init(_ memory: ContainerMeasurement.Memory?) {
            limit = memory?.limit
            peak = memory?.peak
            stats = memory?.details
            usage = memory?.usage
        }

        enum CodingKeys: String, CodingKey {
            case usage, stats, limit
            case peak = "max_usage"
        }
    }

    private struct Interface: Encodable {
        let counters: ContainerMeasurement.Interface

        init(_ counters: ContainerMeasurement.Interface) { self.counters = counters }

        enum CodingKeys: String, CodingKey {
            case rx_bytes, rx_packets, rx_errors, rx_dropped, tx_bytes, tx_packets, tx_errors, tx_dropped
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(counters.receivedBytes, forKey: .rx_bytes)
            try container.encode(counters.receivedPackets, forKey: .rx_packets)
            try container.encode(counters.receiveErrors, forKey: .rx_errors)
            try container.encode(counters.receiveDrops, forKey: .rx_dropped)
            try container.encode(counters.sentBytes, forKey: .tx_bytes)
            try container.encode(counters.sentPackets, forKey: .tx_packets)
            try container.encode(counters.sendErrors, forKey: .tx_errors)
            try container.encode(counters.sendDrops, forKey: .tx_dropped)
        }
    }

    /// Version 1 of cgroups spells the operations in capitals, version 2 in small letters; `null` where there is nothing to say.
    private struct Devices: Encodable {
        struct Row: Encodable {
            let major: UInt64
            let minor: UInt64
            let op: String
            let value: UInt64
        }

        let bytes: [Row]?
        let operations: [Row]?
        let others: [Row]?

        init(_ usage: ContainerMeasurement.Usage?) {
            guard let usage else {
                (bytes, operations, others) = (nil, nil, nil)
                return
            }
            let (read, write) = usage.cgroupVersion == 1 ? ("Read", "Write") : ("read", "write")
            bytes = usage.devices.flatMap { device in
                [
                    Row(major: device.major, minor: device.minor, op: read, value: device.readBytes),
                    Row(major: device.major, minor: device.minor, op: write, value: device.writtenBytes),
                ]
            }
            operations = usage.devices.flatMap { device in
                [
                    Row(major: device.major, minor: device.minor, op: read, value: device.reads),
                    Row(major: device.major, minor: device.minor, op: write, value: device.writes),
                ]
            }
            others = usage.cgroupVersion == 1 ? [] : nil
        }

        enum CodingKeys: String, CodingKey {
            case io_service_bytes_recursive, io_serviced_recursive, io_queue_recursive, io_service_time_recursive
            case io_wait_time_recursive, io_merged_recursive, io_time_recursive, sectors_recursive
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(bytes, forKey: .io_service_bytes_recursive)
            try container.encode(operations, forKey: .io_serviced_recursive)
            for key in [
                CodingKeys.io_queue_recursive, .io_service_time_recursive, .io_wait_time_recursive,
                .io_merged_recursive, .io_time_recursive, .sectors_recursive,
            ] { try container.encode(others, forKey: key) }
        }
    }
}
