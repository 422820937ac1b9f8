import Model
import Templates

/// `spread=node.labels.zone` of `--placement-pref`, in Docker's words where it is none.
enum PlacementOption {
    static func preference(_ text: String) throws(ValueError) -> Placement.Preference {
        let (strategy, value) = GoText.pair(text)
        guard strategy == "spread", let value else {
            throw ValueError(
                value == nil
                    ? "placement preference must be of the format \"<strategy>=<arg>\""
                    : "unsupported placement preference \(strategy) (only spread is supported)")
        }
        return Placement.Preference(spread: Placement.Spread(value))
    }
}
