package import EngineInterface
import Templates

/// Graylog's format, over UDP with chunks and compression or over TCP.
package struct GelfDriver: LogDriver {
    package static let name = "gelf"
    package static let optionNames: Set<String> = [
        "gelf-address", "gelf-compression-level", "gelf-compression-type", "gelf-tcp-max-reconnect",
        "gelf-tcp-reconnect-delay",
    ]

    private let options: LogDriverOptions
    private let host: LogHost
    private let receiver: ReceiverAddress
    private let form: GelfEncoder.Form
    package let shownAddress: String

    /// - Throws: what is wrong with the options, in the words of Docker where it has them.
    package init(_ options: LogDriverOptions, host: LogHost) throws(LogOptionError) {
        let text = options.text("gelf-address") ?? ""
        let (isStream, receiver) = try Self.receiver(text)
        try options.checkNames(Self.optionNames)
        self.host = host
        self.options = options
        self.receiver = receiver
        shownAddress = text
        if isStream {
            for name in ["gelf-compression-level", "gelf-compression-type"] {
                guard let value = options[name] else { continue }
                throw .invalid(name: name, value: value, said: "compression is only supported on UDP")
            }
            // Read as Docker does; ours tries as long as there are lines, with pauses that all drivers have.
            for name in ["gelf-tcp-max-reconnect", "gelf-tcp-reconnect-delay"] {
                _ = try options.integer(name, in: 0...Int.max) { _ in
                    "\(GoText.quoted(name)) must be a positive integer"
                }
            }
            form = .stream
        } else {
            for name in ["gelf-tcp-max-reconnect", "gelf-tcp-reconnect-delay"] {
                guard let value = options[name] else { continue }
                throw .invalid(name: name, value: value, said: "\(GoText.quoted(name)) is only valid for TCP")
            }
            form = try Self.datagrams(options)
        }
    }

    private static func receiver(_ text: String) throws(LogOptionError) -> (isStream: Bool, ReceiverAddress) {
        func failure(_ said: String) -> LogOptionError { .invalid(name: "gelf-address", value: text, said: said) }
        guard !text.isEmpty else { throw failure("gelf-address is a required parameter") }
        let address = AddressOption(text)
        guard text.contains("://") else {
            throw failure("gelf-address should be in form proto://address, got \(text)")
        }
        let scheme = address?.scheme ?? text.prefix { $0 != ":" }.lowercased()
        guard scheme == "udp" || scheme == "tcp" else { throw failure("gelf: endpoint needs to be TCP or UDP") }
        guard let address, let port = address.port.flatMap({ UInt16($0) }) else {
            throw failure("gelf: please provide gelf-address as proto://host:port")
        }
        let host = address.host.isEmpty ? "localhost" : address.host
        return (scheme == "tcp", .host(host, port: Int(clamping: port)))
    }

    private static func datagrams(_ options: LogDriverOptions) throws(LogOptionError) -> GelfEncoder.Form {
        func said(_ name: String) -> String {
            "unknown value \(GoText.quoted(options[name] ?? "")) for log opt \(GoText.quoted(name)) for gelf log driver"
        }
        let compression: Deflater.Container?
        switch options["gelf-compression-type"] {
        case nil, "gzip": compression = .gzip
        case "zlib": compression = .zlib
        case "none": compression = nil
        case let value?:
            throw .invalid(name: "gelf-compression-type", value: value, said: said("gelf-compression-type"))
        }
        let level = try options.integer("gelf-compression-level", in: -1...9) { _ in said("gelf-compression-level") }
        return .datagrams(compression, level: level ?? 1)
    }

    package var destination: String { "\(Self.name) \(receiver) \(form)" }

    package func makeEncoder(for origin: LogOrigin) throws(LogOptionError) -> any LineEncoder {
        GelfEncoder(try LoggedContainer(options, origin, host), form: form)
    }

    package func makeTransport() -> any LogTransport { GelfTransport(receiver: receiver, form: form) }
}
