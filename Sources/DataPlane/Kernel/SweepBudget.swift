/// What looking may cost where nothing was heard: within a hundredth of a processor, however many namespaces there are.
enum SweepBudget {
    /// How often it is looked for changes that the kernel does not tell of.
    static let probeInterval = Duration.seconds(3)
    /// For how long that may take the processor at a time: a quarter of a hundredth.
    static let probeTime = Duration.milliseconds(8)
    /// Every namespace is compared this often although nothing was heard, as far as ``rest(after:)`` lets it.
    static let interval = Duration.seconds(300)
    /// After each of these comparisons, so many times as long as it took: a third of a hundredth.
    private static let factor = 300
    private static let shortestRest = Duration.milliseconds(50)

    /// How long nothing else is compared in its turn after a comparison that took so long.
    static func rest(after comparison: Duration) -> Duration { max(comparison * factor, shortestRest) }
}
