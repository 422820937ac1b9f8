import Foundation

/// What chance is taken from in seeded runs: the same seeds each time, and one more that is another each day, so that what they miss is found in the end.
package enum SimulationSeeds {
    /// - Parameters:
    ///   - name: Of a number in the environment, as in ``SimulationSize/of(_:_:)``: how many fixed seeds.
    ///   - usual: How many there are when that says nothing.
    /// - Returns: From 1 on, and the day's last. `APUS_SIMULATION_SEED` alone, where it is given: a run that was red has told it.
    package static func of(_ name: String, _ usual: Int) -> [UInt64] {
        let given = ProcessInfo.processInfo.environment["APUS_SIMULATION_SEED"]
        if let one = given.flatMap({ UInt64($0) }) { return [one] }
        return Array(1...UInt64(clamping: max(1, SimulationSize.of(name, usual)))) + [day]
    }

    /// Far from the fixed ones, and the same for all tests of a process.
    private static let day = 1_000_000_000 + UInt64(clamping: Int(Date().timeIntervalSince1970) / 86_400)
}
