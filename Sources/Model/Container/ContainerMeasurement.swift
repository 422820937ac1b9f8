/// What a container uses at one moment.
package struct ContainerMeasurement: Codable, Sendable, Equatable {
    package var identifier: String
    /// Without the leading slash.
    package var name: String
    /// Absent for a container that does not run.
    package var usage: Usage?

    package init(identifier: String, name: String, usage: Usage? = nil) {
        self.identifier = identifier
        self.name = name
        self.usage = usage
    }

    /// Counters count from the container's start.
    package struct Usage: Codable, Sendable, Equatable {
        package var timestamp: Timestamp
        package var cgroupVersion = 2
        /// Processes and threads.
        package var processes: UInt64?
        /// `nil` for no limit.
        package var processLimit: UInt64?
        package var cpu = Processor()
        package var memory = Memory()
        /// By interface, in the container's names.
        package var networks: [String: Interface] = [:]
        package var devices: [BlockDevice] = []

        package init(timestamp: Timestamp) { self.timestamp = timestamp }
    }

    /// Time on processors.
    package struct Processor: Codable, Sendable, Equatable {
        package var nanoseconds: UInt64 = 0
        package var nanosecondsPerProcessor: [UInt64]?
        package var kernelNanoseconds: UInt64 = 0
        package var userNanoseconds: UInt64 = 0
        /// Of the whole machine, idling included.
        package var machineNanoseconds: UInt64 = 0
        package var onlineProcessors = 0
        /// Periods of a limit that have passed (`cpu.stat`, `nr_periods`).
        package var periods: UInt64 = 0
        /// Those in which the container was held up.
        package var throttledPeriods: UInt64 = 0
        package var throttledNanoseconds: UInt64 = 0
        package init() {}
    }

    /// Memory of the container's cgroup.
    package struct Memory: Codable, Sendable, Equatable {
        /// Bytes, caches included.
        package var usage: UInt64 = 0
        /// The most that it was; cgroup version 1 only.
        package var peak: UInt64?
        /// The cgroup's limit, or all of the machine's memory.
        package var limit: UInt64 = 0
        /// `memory.stat` of the cgroup as it is.
        package var details: [String: UInt64] = [:]
        package init() {}
    }

    /// A link of the container, counted by the kernel.
    package struct Interface: Codable, Sendable, Equatable {
        package var receivedBytes: UInt64 = 0
        package var receivedPackets: UInt64 = 0
        package var receiveErrors: UInt64 = 0
        /// Packets.
        package var receiveDrops: UInt64 = 0
        package var sentBytes: UInt64 = 0
        package var sentPackets: UInt64 = 0
        package var sendErrors: UInt64 = 0
        /// Packets.
        package var sendDrops: UInt64 = 0
        package init() {}
    }

    /// What was read from and written to one device.
    package struct BlockDevice: Codable, Sendable, Equatable {
        /// Number of the device's driver.
        package var major: UInt64
        /// Number of the device.
        package var minor: UInt64
        package var readBytes: UInt64
        package var writtenBytes: UInt64
        /// Operations.
        package var reads: UInt64
        /// Operations.
        package var writes: UInt64
        package init(
            major: UInt64, minor: UInt64, readBytes: UInt64, writtenBytes: UInt64, reads: UInt64, writes: UInt64
        ) {
            self.major = major
            self.minor = minor
            self.readBytes = readBytes
            self.reads = reads
            self.writes = writes
            self.writtenBytes = writtenBytes
        }
    }
}
