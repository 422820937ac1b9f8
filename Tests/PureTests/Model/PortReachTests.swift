import Addressing
import Model
import TestKit
import Testing

@Suite struct PortReachTests {
    private func port(_ places: [String]?) -> PortConfig {
        var port = PortConfig()
        port.targetPort = 80
        port.publishedPort = 8080
        port.publishedOn = places
        return port
    }

    @Test func `places are addresses, subnets or links`() {
        #expect(port(nil).reach == nil && port([]).reach == nil && port(["0.0.0.0", "::"]).reach == nil)
        #expect(port(["eth1", "0.0.0.0/0", "::/0"]).reach == nil)
        // All of one family leaves the other closed.
        #expect(port(["0.0.0.0"]).reach?.addresses == [.everywhere(.v4)])
        #expect(port(["::", "eth1"]).reach == PortReach(addresses: [.everywhere(.v6)], links: ["eth1"]))
        let reach = port(["192.0.2.1", "10.1.2.3/8", "eth1.7"]).reach
        #expect(reach?.addresses.map(\.description) == ["192.0.2.1/32", "10.0.0.0/8"])
        #expect(reach?.links == ["eth1.7"] && reach?.isEverywhere == false)
        for text in ["", "a/b", "eth 0", "\"x\"", "abcdefghijklmnop", "1.2.3", "1.2.3.4/33", "..", "a;b", "é"] {
            #expect(PublishPlace(text) == nil, "\(text)")
        }
    }

    @Test func `a label says what the command line does, and one that says more is none`() {
        var wanted = PublishingLabel.Value()
        wanted.publishedOn = ["10.0.0.0/8", "eth1"]
        wanted.onlyLocal = true
        wanted.affinity = "source"
        #expect(PublishingLabel.Value("ip=10.0.0.0/8, interface=eth1,local,affinity=source") == wanted)
        #expect(PublishingLabel.Value("") == PublishingLabel.Value())
        for text in ["ip", "ip=", "ip=eth1", "local=perhaps", "everywhere", "affinity=x", "interface=10.0.0.1"] {
            #expect(PublishingLabel.Value(text) == nil, "\(text)")
        }
    }
}
