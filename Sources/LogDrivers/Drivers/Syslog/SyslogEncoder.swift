import Glibc
import Model

/// `syslog-format`.
enum SyslogFormat: String, Sendable {
    /// What local sockets take: no host.
    case local = ""
    case rfc3164
    case rfc5424
    case rfc5424micro

    var isNew: Bool { self == .rfc5424 || self == .rfc5424micro }
}

/// One message a line; stamped with the line's own time, in the node's time zone.
struct SyslogEncoder: LineEncoder {
    /// What receivers take unless they are told of more (RFC 5424, 6.1, asks for 2 KiB; Docker cuts here).
    let longestText = 16 << 10

    private let format: SyslogFormat
    private let facility: Int
    private let countsOctets: Bool
    /// Behind the stamp, up to the text.
    private let middle: [UInt8]
    private var lastStamp: (second: Int64, text: String, zone: String)?

    init(
        format: SyslogFormat, facility: Int, hostname: String, processID: Int, tag: String, countsOctets: Bool
    ) {
        self.format = format
        self.facility = facility
        self.countsOctets = countsOctets
        switch format {
        case .local: middle = Array(" \(Self.printable(tag, keeping: " "))[\(processID)]: ".utf8)
        case .rfc3164:
            middle = Array(
                " \(Self.field(hostname, 255)) \(Self.printable(tag, keeping: " "))[\(processID)]: ".utf8)
        case .rfc5424, .rfc5424micro:
            // RFC 5424, 6: HOSTNAME, APP-NAME, PROCID, MSGID, STRUCTURED-DATA.
            middle = Array(
                " \(Self.field(hostname, 255)) \(Self.field(tag, 48)) \(processID) \(Self.field(tag, 32)) - ".utf8)
        }
    }

    /// A field of RFC 5424 has no blanks, nothing but ASCII, and a longest length; an empty one is a dash.
    private static func field(_ text: String, _ most: Int) -> String {
        let field = String(printable(text).prefix(most))
        return field.isEmpty ? "-" : field
    }

    private static func printable(_ text: String, keeping: String = "") -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    (33...126).contains(scalar.value) || keeping.unicodeScalars.contains(scalar) ? scalar : "_"
                }))
    }

    mutating func encode(_ line: ShippedLine) -> [EncodedLine] {
        // As Docker: an empty message is none.
        guard !line.text.isEmpty else { return [] }
        let priority = facility << 3 | (line.stream == .output ? 6 : 3)
        var message = Array("<\(priority)>\(format.isNew ? "1 " : "")\(stamp(line.time))".utf8)
        message += middle
        message += line.text
        message.append(UInt8(ascii: "\n"))
        return [EncodedLine(line, countsOctets ? Array("\(message.count) ".utf8) + message : message)]
    }

    private mutating func stamp(_ time: Timestamp) -> String {
        if lastStamp?.second != time.seconds { lastStamp = Self.stamp(time.seconds, isNew: format.isNew) }
        guard let (_, text, zone) = lastStamp else { return "-" }
        guard format == .rfc5424micro else { return text + zone }
        let digits = String(1_000_000 + time.nanoseconds / 1000).dropFirst()
        return "\(text).\(digits)\(zone)"
    }

    private static func stamp(_ seconds: Int64, isNew: Bool) -> (Int64, String, String) {
        var moment = time_t(clamping: seconds)
        var local = tm()
        localtime_r(&moment, &local)
        func two(_ value: Int32, _ filler: String = "0") -> String { value < 10 ? "\(filler)\(value)" : "\(value)" }
        let clock = "\(two(local.tm_hour)):\(two(local.tm_min)):\(two(local.tm_sec))"
        guard isNew else {
            let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
            let month = months.dropFirst(Int(clamping: local.tm_mon)).first ?? "Jan"
            return (seconds, "\(month) \(two(local.tm_mday, " ")) \(clock)", "")
        }
        let minutes = local.tm_gmtoff / 60
        let zone =
            minutes == 0
            ? "Z"
            : "\(minutes < 0 ? "-" : "+")\(two(Int32(clamping: abs(minutes) / 60))):\(two(Int32(clamping: abs(minutes) % 60)))"
        let date = "\(Int(local.tm_year) + 1900)-\(two(local.tm_mon + 1))-\(two(local.tm_mday))"
        return (seconds, "\(date)T\(clock)", zone)
    }
}
