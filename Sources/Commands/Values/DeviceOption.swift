package import DockerTypes
import Templates

/// Flags about devices, in Docker's words where they are none.
package enum DeviceOption {
    /// `/dev/sda:100` of `--blkio-weight-device`.
    package static func weight(_ item: String) throws(ValueError) -> WeightDevice {
        let (path, value) = try pair(item)
        guard let weight = UInt16(value), weight == 0 || (10...1000).contains(weight) else {
            throw ValueError("invalid weight for device: \(item)")
        }
        return WeightDevice(path: path, weight: weight)
    }

    /// `/dev/sda:1mb` of `--device-read-bps` and its like.
    /// - Parameter inBytes: The number may have a unit.
    package static func rate(_ item: String, inBytes: Bool) throws(ValueError) -> ThrottleDevice {
        let (path, value) = try pair(item)
        // The message is the flag's own, whatever is wrong with the number.
        guard let rate = inBytes ? (try? ByteCount.parse(value)) : Int64(value), rate >= 0 else {
            throw ValueError(
                "invalid rate for device: \(item). The correct format is <device-path>:<number>"
                    + (inBytes
                        ? "[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb"
                        : ". Number must be a positive integer"))
        }
        return ThrottleDevice(path: path, rate: rate)
    }

    private static func pair(_ item: String) throws(ValueError) -> (path: String, value: String) {
        guard let colon = item.lastIndex(of: ":") else { throw ValueError("bad format: \(item)") }
        let path = String(item[..<colon])
        guard path.hasPrefix("/dev/") else { throw ValueError("bad format for device path: \(item)") }
        return (path, String(item[item.index(after: colon)...]))
    }

    /// `c 1:3 rwm` of `--device-cgroup-rule`.
    package static func checkRule(_ item: String) throws(ValueError) {
        let parts = item.split(separator: " ", omittingEmptySubsequences: false)
        let numbers = parts.dropFirst().first?.split(separator: ":", omittingEmptySubsequences: false) ?? []
        guard parts.count == 3, let kind = parts.first, ["a", "b", "c"].contains(kind), numbers.count == 2,
            numbers.allSatisfy({ $0 == "*" || (!$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) }) }),
            let access = parts.last, (1...3).contains(access.count), access.allSatisfy({ "rwm".contains($0) })
        else { throw ValueError("invalid device cgroup format '\(item)'") }
    }

    /// `all`, a number, or `count=…,device=…,driver=…,capabilities=…,options=…` of `--gpus`.
    package static func processors(_ text: String) throws(ValueError) -> DeviceRequest {
        var request = DeviceRequest()
        request.count = 1
        request.capabilities = [["gpu"]]
        for field in GoText.commaSeparated(text) {
            let (key, value) = GoText.pair(field)
            switch (key, value) {
            case ("all", nil), ("count", "all"?): request.count = -1
            case (let number, nil), ("count", let number?):
                guard let parsed = Int64(number) else {
                    throw ValueError(
                        "invalid count (\(number)): value must be either \"all\" or an integer: invalid syntax")
                }
                request.count = parsed
            case ("device", let value?):
                request.deviceIDs = GoText.commaSeparated(value)
                request.count = 0
            case ("driver", let value?): request.driver = value
            case ("capabilities", let value?): request.capabilities = [GoText.commaSeparated(value) + ["gpu"]]
            case ("options", let value?): request.options = GoText.dictionary(GoText.commaSeparated(value))
            default: throw ValueError("unexpected key '\(key)' in '\(field)'")
            }
        }
        return request
    }
}
