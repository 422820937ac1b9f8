import Model

/// The two text forms that Prometheus reads.
package enum ExpositionFormat: Sendable, Equatable {
    /// `text/plain; version=0.0.4`.
    case text
    /// `application/openmetrics-text; version=1.0.0`, which has units.
    case openMetrics

    package var contentType: String {
        switch self {
        case .text: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    /// What a client prefers that says `Accept`; the older one where it says nothing of the newer.
    package init(accept: String) {
        self = accept.contains("application/openmetrics-text") ? .openMetrics : .text
    }
}

/// Writes families of metrics. Whoever uses it writes each family once, its samples right after it, and no two samples of the same labels.
/// Sources: Prometheus, `docs/instrumenting/exposition_formats.md`; OpenMetrics 1.0.
struct ExpositionWriter {
    enum Kind: String {
        case counter, gauge, histogram
    }

    /// Labels as they are written, `a="b",c="d"`: made once for all series of a container.
    struct Labels {
        fileprivate(set) var text: [UInt8] = []

        init() {}
        init(_ pairs: [(String, String)]) { for (name, value) in pairs { add(name, value) } }

        /// - Parameters:
        ///   - name: What no label may be called is written with `_`.
        ///   - value: At most ``mostValueBytes`` of it are written.
        mutating func add(_ name: String, _ value: String) {
            if !text.isEmpty { text.append(0x2c) }
            text += ExpositionWriter.labelName(name)
            text += [0x3d, 0x22]
            for byte in ExpositionWriter.bounded(value) {
                switch byte {
                case 0x5c: text += [0x5c, 0x5c]
                case 0x22: text += [0x5c, 0x22]
                case 0x0a: text += [0x5c, 0x6e]
                default: text.append(byte)
                }
            }
            text.append(0x22)
        }

        func adding(_ name: String, _ value: String) -> Labels {
            var labels = self
            labels.add(name, value)
            return labels
        }
    }

    /// Bytes of a label's value, before what is escaped.
    static let mostValueBytes = 128

    let format: ExpositionFormat
    private(set) var bytes: [UInt8] = []
    private var name: [UInt8] = []

    init(_ format: ExpositionFormat) { self.format = format }

    /// Begins a family.
    /// - Parameters:
    ///   - name: Of a counter without `_total`, unless it has `unsuffixed`.
    ///   - unit: What the name ends with, before `_total`.
    ///   - unsuffixed: For names of others that are not as they should be.
    mutating func family(_ name: String, _ kind: Kind, unit: String = "", unsuffixed: Bool = false, _ help: String) {
        let isCounter = kind == .counter && !unsuffixed
        let shown = isCounter && format == .text ? name + "_total" : name
        self.name = Array((isCounter ? name + "_total" : name).utf8)
        bytes += "# HELP \(shown) \(help)\n# TYPE \(shown) \(kind.rawValue)\n".utf8
        if format == .openMetrics, !unit.isEmpty, name.hasSuffix("_" + unit) {
            bytes += "# UNIT \(shown) \(unit)\n".utf8
        }
    }

    mutating func sample(_ value: Int64) { sample(Labels(), value) }

    mutating func sample(_ labels: Labels, _ value: Int64) {
        begin(labels)
        bytes += String(value).utf8
        bytes.append(0x0a)
    }

    /// Written in seconds.
    mutating func sample(_ labels: Labels = Labels(), microseconds: Int64) {
        begin(labels)
        thousandths(microseconds, digits: 6)
    }

    /// Written as a number of whole ones.
    mutating func sample(_ labels: Labels = Labels(), thousandths: Int64) {
        begin(labels)
        self.thousandths(thousandths, digits: 3)
    }

    /// Its classes added up, as both forms have them.
    mutating func sample(_ labels: Labels, _ histogram: DurationHistogram) {
        let family = name
        var count: UInt64 = 0
        name = family + "_bucket".utf8
        for (bound, more) in zip(histogram.bounds, histogram.counts) {
            count &+= more
            sample(labels.adding("le", Self.seconds(bound)), Int64(clamping: count))
        }
        sample(labels.adding("le", "+Inf"), Int64(clamping: histogram.total))
        name = family + "_sum".utf8
        sample(labels, microseconds: Int64(clamping: histogram.microseconds))
        name = family + "_count".utf8
        sample(labels, Int64(clamping: histogram.total))
        name = family
    }

    /// As OpenMetrics wants bounds: `0.0025`, `1.0`.
    private static func seconds(_ microseconds: Int64) -> String {
        var digits = String(microseconds % 1_000_000)
        digits = String(repeating: "0", count: max(0, 6 - digits.count)) + digits
        while digits.count > 1, digits.hasSuffix("0") { digits = String(digits.dropLast()) }
        return "\(microseconds / 1_000_000).\(digits)"
    }

    /// What the page ends with.
    mutating func finish() { if format == .openMetrics { bytes += "# EOF\n".utf8 } }

    private mutating func begin(_ labels: Labels) {
        bytes += name
        if !labels.text.isEmpty {
            bytes.append(0x7b)
            bytes += labels.text
            bytes.append(0x7d)
        }
        bytes.append(0x20)
    }

    private mutating func thousandths(_ value: Int64, digits: Int) {
        let scale: Int64 = digits == 6 ? 1_000_000 : 1000
        let magnitude = max(0, value)
        bytes += String(magnitude / scale).utf8
        let rest = magnitude % scale
        if rest > 0 {
            let text = String(rest)
            bytes.append(0x2e)
            bytes += repeatElement(0x30, count: digits - text.utf8.count)
            bytes += text.utf8
        }
        bytes.append(0x0a)
    }

    /// No more than is shown, cut between characters.
    static func bounded(_ value: String) -> String.UTF8View {
        if value.utf8.count <= mostValueBytes { return value.utf8 }
        var cut = ""
        var count = 0
        for character in value.unicodeScalars {
            count += UTF8.width(character)
            if count > mostValueBytes { break }
            cut.unicodeScalars.append(character)
        }
        return cut.utf8
    }

    /// Letters, digits and `_`, not beginning with a digit.
    static func labelName(_ name: String) -> [UInt8] {
        var bytes: [UInt8] = []
        for byte in bounded(name) {
            let isLetter = (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) || byte == 0x5f
            bytes.append(isLetter || (0x30...0x39).contains(byte) && !bytes.isEmpty ? byte : 0x5f)
        }
        return bytes
    }
}
