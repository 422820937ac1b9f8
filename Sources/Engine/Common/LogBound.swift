import Glibc

/// How much all logs of a node may take, as `--log-quota` says it.
package enum LogBound: Sendable, Equatable {
    /// A tenth of the file system, 10 GiB at most.
    case usual
    case bytes(Int64)
    /// Of the file system.
    case percent(Int64)

    private static let fewest: Int64 = 1 << 20

    /// `20g`, `512m`, `5%`; nothing for the usual bound. `nil` for what is none, and below a mebibyte.
    package init?(_ text: String) {
        if text.isEmpty {
            self = .usual
        } else if text.hasSuffix("%") {
            guard let percent = Int64(text.dropLast()), (1...100).contains(percent) else { return nil }
            self = .percent(percent)
        } else {
            guard let bytes = ByteSize.parse(text), bytes >= Self.fewest else { return nil }
            self = .bytes(bytes)
        }
    }

    /// For the file system of a directory. Blocks for a moment.
    func bytes(at directory: String) -> Int64 {
        if case .bytes(let bytes) = self { return bytes }
        var status = statvfs()
        guard statvfs(directory, &status) == 0 else { return 1 << 30 }
        let (size, isTooLarge) = Int64(clamping: status.f_blocks).multipliedReportingOverflow(
            by: Int64(clamping: status.f_frsize))
        let whole = isTooLarge ? Int64.max : size
        switch self {
        case .percent(let percent): return whole / 100 * percent
        case .usual, .bytes: return min(whole / 10, 10 << 30)
        }
    }
}

/// `10m`, `1.5g`, `512k`: powers of 1024, as Docker reads sizes of logs.
enum ByteSize {
    static func parse(_ text: String) -> Int64? {
        let digits = text.prefix { $0.isNumber || $0 == "." }
        guard let number = Double(digits), number.isFinite, number < 1e15 else { return nil }
        let unit: Double
        switch text.dropFirst(digits.count).lowercased() {
        case "", "b": unit = 1
        case "k", "kb", "kib": unit = 1024
        case "m", "mb", "mib": unit = 1024 * 1024
        case "g", "gb", "gib": unit = 1024 * 1024 * 1024
        default: return nil
        }
        return Int64(exactly: (number * unit).rounded(.towardZero))
    }
}
