/// A truth value as Go's `strconv.ParseBool` reads one.
package enum GoFlag {
    /// - Returns: `nil` for what it does not take.
    package static func parse(_ text: some StringProtocol) -> Bool? {
        switch text {
        case "1", "t", "T", "true", "True", "TRUE": true
        case "0", "f", "F", "false", "False", "FALSE": false
        default: nil
        }
    }
}
