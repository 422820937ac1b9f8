/// What looking may cost where nothing was heard: within half a hundredth of a processor, and a fifth of one where there are many namespaces.
enum SweepBudget {
    /// How often it is looked for changes that the kernel does not tell of: in the node's own namespace and in the ingress sandbox each time, in the others
    /// in turn.
    static let probeInterval = Duration.seconds(3)
    /// The others that are ever prepared for one look.
    static let mostProbes = 128
    /// With so many others all of them are looked at each time, as far as ``longestProbeTime`` lets it.
    private static let fewProbes = 24
    private static let longestProbeTime = Duration.milliseconds(8)
    private static let shortestProbeTime = Duration.milliseconds(3)
    /// Every namespace is compared this often although nothing was heard, as far as ``rest(after:)`` lets it.
    static let interval = Duration.seconds(300)
    /// After each of these comparisons, so many times as long as it took: a thousandth of a processor.
    private static let factor = 1000
    private static let shortestRest = Duration.milliseconds(50)

    /// For how long looking at the others may take the processor at a time: the shorter the more there are, from a quarter of a hundredth to a tenth of one.
    static func probeTime(others: Int) -> Duration {
        others <= fewProbes ? longestProbeTime : max(longestProbeTime * fewProbes / others, shortestProbeTime)
    }

    /// How long nothing else is compared in its turn after a comparison that took so long.
    static func rest(after comparison: Duration) -> Duration { max(comparison * factor, shortestRest) }
}
