/// The wall clock's grid that samples are taken on and blocks begin on. Seconds since 1970 throughout.
enum TimeGrid {
    /// Between samples.
    static let sampleSeconds: Int64 = 10
    /// Of one block of samples.
    static let blockSeconds: Int64 = 600
    /// Between values of the coarse history.
    static let coarseSeconds: Int64 = 300
    /// Of one block of the coarse history.
    static let coarseBlockSeconds: Int64 = 14_400
    /// How long samples are kept, and the coarse history.
    static let fineRetention: Int64 = 6 * 3600
    static let coarseRetention: Int64 = 8 * 86_400
    /// A counter's difference over more than this tells no rate any more.
    static let longestGap: Int64 = 300

    static let blockSlots = Int(clamping: blockSeconds / sampleSeconds)
    static let coarseSlots = Int(clamping: coarseBlockSeconds / coarseSeconds)

    /// Which block a moment is in, counted from 1970.
    static func block(at seconds: Int64) -> Int64 { max(0, seconds) / blockSeconds }
    static func coarseBlock(at seconds: Int64) -> Int64 { max(0, seconds) / coarseBlockSeconds }
    /// Which place in its block a moment has.
    static func slot(at seconds: Int64) -> Int { Int(clamping: max(0, seconds) % blockSeconds / sampleSeconds) }
    static func coarseSlot(at seconds: Int64) -> Int {
        Int(clamping: max(0, seconds) % coarseBlockSeconds / coarseSeconds)
    }
}
