import Foundation

/// How large and how long seeded runs are: what tests take by themselves is small, `make simulate` asks for more.
package enum SimulationSize {
    /// What `APUS_SIMULATION_NAME` says, or what is usual when it says no number.
    package static func of(_ name: String, _ usual: Int) -> Int {
        ProcessInfo.processInfo.environment["APUS_SIMULATION_\(name)"].flatMap { Int($0) } ?? usual
    }
}
