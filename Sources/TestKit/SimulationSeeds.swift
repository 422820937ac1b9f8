import Foundation

/// What chance is taken from in seeded runs: the same seeds each time, so that whether a change is good hangs on no day; and one more that is another each
/// day where somebody says how many (`make simulate`), so that what they miss is found in the end.
package enum SimulationSeeds {
    /// - Parameters:
    ///   - name: Of a number in the environment, as in ``SimulationSize/of(_:_:)``: how many fixed seeds.
    ///   - usual: How many there are when that says nothing.
    /// - Returns: From 1 on; where the environment says how many, the day's last. `APUS_SIMULATION_SEED` alone, where it is given: a run that was red has told it.
    package static func of(_ name: String, _ usual: Int) -> [UInt64] {
        let environment = ProcessInfo.processInfo.environment
        let given = environment["APUS_SIMULATION_SEED"]
        if let one = given.flatMap({ UInt64($0) }) { return [one] }
        let fixed = Array(1...UInt64(clamping: max(1, SimulationSize.of(name, usual))))
        return environment["APUS_SIMULATION_\(name)"] == nil ? fixed : fixed + [day]
    }

    /// Far from the fixed ones, and the same for all tests of a process.
    private static let day = 1_000_000_000 + UInt64(clamping: Int(Date().timeIntervalSince1970) / 86_400)
}
