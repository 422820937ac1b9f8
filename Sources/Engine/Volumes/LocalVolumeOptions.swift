import Addressing
import EngineInterface
import Glibc
import LinuxSystem

/// What a volume of the `local` driver is made of when it is more than a directory: the driver's `type`, `device` and `o`. Source: moby,
/// `volume/local`.
struct LocalVolumeOptions: Sendable, Equatable {
    private static let known: Set<String> = ["type", "o", "device", "size"]
    /// What must be there with what.
    private static let needed = ["device": ["type"], "type": ["device"], "o": ["device", "type"]]

    let type: String
    let device: String
    let options: String

    /// `nil` for a plain directory.
    /// - Throws: ``VolumeError``, ``VolumeOptionError``.
    init?(_ given: [String: String]?) throws(VolumeOptionError) {
        guard let given, !given.isEmpty else { return nil }
        for name in given.keys.sorted() where !Self.known.contains(name) {
            throw VolumeOptionError.unknownOption(name)
        }
        if given["size"] != nil { throw VolumeOptionError.sizeWithoutQuota }
        for name in given.keys.sorted() {
            for other in Self.needed[name] ?? [] where given[other] == nil {
                throw VolumeOptionError.missingOption(other)
            }
        }
        type = given["type"] ?? ""
        device = given["device"] ?? ""
        options = given["o"] ?? ""
    }

    /// Mounts it. Blocks, for as long as a server is looked up and answers.
    /// - Throws: ``VolumeError``, ``VolumeOptionError`` with the kernel's reason.
    func mount(at target: String) throws {
        do throws(VolumeMountFailure) {
            guard !device.isEmpty else { throw VolumeMountFailure.noDevice }
            let (device, options) = try resolved()
            do {
                try Mounts.mount(device, at: target, type: type, MountOptions(options))
            } catch {
                let reason = String(cString: strerror(error.errno))
                throw VolumeMountFailure.kernel(
                    attempt: error.attempting, reason: "\(reason.prefix(1).lowercased())\(reason.dropFirst())")
            }
        } catch {
            throw VolumeError.notMounted(place: target, reason: error)
        }
    }

    /// Device and options with servers' addresses instead of their names, which the kernel does not look up.
    private func resolved() throws(VolumeMountFailure) -> (device: String, options: String) {
        guard ["nfs", "nfs4", "cifs"].contains(type) else { return (device, options) }
        let words = options.split(separator: ",")
        if let word = words.first(where: { $0.hasPrefix("addr=") }) {
            let address = try Self.address(of: String(word.dropFirst(5)))
            return (device, words.map { $0 == word ? "addr=\(address)" : String($0) }.joined(separator: ","))
        }
        // `//server/share`
        guard type == "cifs", device.hasPrefix("//") else { return (device, options) }
        let server = device.dropFirst(2).prefix { $0 != "/" }
        guard !server.isEmpty else { return (device, options) }
        return ("//\(try Self.address(of: String(server)))\(device.dropFirst(2 + server.count))", options)
    }

    private static func address(of name: String) throws(VolumeMountFailure) -> String {
        if IPAddress(name) != nil || name.contains(":") { return name }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(name, nil, &hints, &found)
        defer { if let found { freeaddrinfo(found) } }
        guard status == 0, let first = found?.pointee else {
            throw VolumeMountFailure.serverUnknown(name: name, reason: String(cString: gai_strerror(status)))
        }
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let named = getnameinfo(
            first.ai_addr, first.ai_addrlen, &text, socklen_t(clamping: text.count), nil, 0, NI_NUMERICHOST)
        guard named == 0 else { throw VolumeMountFailure.serverWithoutAddress(name) }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
