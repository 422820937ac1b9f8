import Addressing
import Foundation
import Testing

/// Addresses and networks against Python's `ipaddress`: thousands of made-up texts, read and written by both.
@Suite struct PythonAddressTests {
    /// A line a text: the text, then what Python makes of it; nothing after the tab where it refuses. Zones, which Python takes, are not
    /// made up here: they are refused. Python before 3.13 writes a mapped IPv4 address in groups.
    private static let script = #"""
        import ipaddress, random, sys
        random.seed(int(sys.argv[1]))
        def shown(a):
            m = getattr(a, "ipv4_mapped", None)
            return "::ffff:" + str(m) if m else str(a)
        def number6():
            n = 0
            for _ in range(8):
                n = n << 16 | random.choice([0, 0, 0, 1, 0xffff, random.getrandbits(16), random.getrandbits(8)])
            return n
        def text6():
            a = ipaddress.IPv6Address(random.choice([number6(), 0xffff << 32 | random.getrandbits(32), random.getrandbits(34)]))
            t = random.choice([str(a), a.exploded, str(a).upper()])
            if random.random() < 0.2:
                head = ":".join(a.exploded.split(":")[:6])
                t = head + ":" + str(ipaddress.IPv4Address(int(a) & 0xffffffff))
            if random.random() < 0.15:
                t = "::" + str(ipaddress.IPv4Address(random.getrandbits(32)))
            return t
        def text4():
            return str(ipaddress.IPv4Address(random.choice([random.getrandbits(32), random.getrandbits(8), 0xffffffff])))
        def spoilt(t):
            for _ in range(random.choice([0, 0, 1, 2])):
                i = random.randrange(len(t) + 1)
                t = random.choice([t[:i] + random.choice("0123456789abcdefg:.:./+- ") + t[i:], t[:i] + t[i + 1:], t[:i] + t[i:][:3] + t[i:]])
            return t
        for _ in range(4000):
            t = spoilt(random.choice([text4, text6])())
            try: r = shown(ipaddress.ip_address(t))
            except ValueError: r = ""
            print("address", t, r, sep="\t")
        for _ in range(4000):
            six = random.random() < 0.6
            base = random.choice([text4(), text4()]) if not six else text6()
            t = base + "/" + str(random.randrange(0, 129 if six else 33))
            i = ipaddress.ip_interface(t)
            other = ipaddress.ip_interface((text6() if six else text4()) + "/" + str(random.randrange(0, 129 if six else 33)))
            if random.random() < 0.6:
                near = int(i.ip) ^ random.getrandbits(random.randrange(1, 129 if six else 33))
                kind = ipaddress.IPv6Address if six else ipaddress.IPv4Address
                other = ipaddress.ip_interface(str(kind(near)) + "/" + str(random.randrange(0, 129 if six else 33)))
            n = i.network
            print("network", t, shown(i.ip), shown(n.network_address), shown(n.broadcast_address), shown(other.ip) + "/" + str(other.network.prefixlen),
                  int(other.ip in n), int(n.overlaps(other.network)), int(other.network.subnet_of(n)), int(i.ip < other.ip), sep="\t")
        """#

    private func lines(seed: UInt32) throws -> [[String]] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", Self.script, String(seed)]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map {
            $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        }
    }

    @Test func `addresses and networks are read, written and compared as Python does`() throws {
        let seed = UInt32.random(in: .min ... .max)
        var (good, bad, networks) = (0, 0, 0)
        for fields in try lines(seed: seed) {
            let text = fields[1]
            let found = IPAddress(text)?.description ?? ""
            if fields[0] == "address" {
                #expect(found == fields[2], "\(text), seed \(seed)")
                if found.isEmpty { bad += 1 } else { good += 1 }
                continue
            }
            networks += 1
            let network = try #require(IPNetwork(text), "\(text), seed \(seed)")
            let other = try #require(IPNetwork(fields[5]), "\(fields[5]), seed \(seed)")
            let ours = [
                network.address.description, network.first.description, network.last.description, other.description,
                network.contains(other.address) ? "1" : "0", network.overlaps(other) ? "1" : "0",
                network.contains(other) ? "1" : "0", network.address < other.address ? "1" : "0",
            ]
            #expect(ours == Array(fields.dropFirst(2)), "\(text), \(fields[5]), seed \(seed)")
        }
        #expect(good > 1000 && bad > 500 && networks == 4000)
    }
}
