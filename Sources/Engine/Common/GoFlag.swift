/// A truth value as Go's `strconv.ParseBool` reads one.
enum GoFlag {
    static func parse(_ text: some StringProtocol) -> Bool? {
        switch text {
        case "1", "t", "T", "true", "True", "TRUE": true
        case "0", "f", "F", "false", "False", "FALSE": false
        default: nil
        }
    }
}
