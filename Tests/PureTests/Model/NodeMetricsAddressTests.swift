import Addressing
import Foundation
import Model
import Testing

@testable import Telemetry

/// Where nodes serve their metrics, and how Prometheus is told.
@Suite struct NodeMetricsAddressTests {
    @Test func `an address is written in one way, and a name is none`() {
        for text in ["10.0.0.1:9323", "0.0.0.0:1", "127.0.0.1:65535", "[fd00::1]:9323", "[::]:9323"] {
            #expect(NodeMetricsAddress(text)?.description == text, "\(text)")
        }
        for text in [
            "", ":9323", "node:9323", "10.0.0.1", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:+1", "10.0.0.1:09323",
            "fd00::1:9323", "[10.0.0.1]:9323", "224.0.0.1:9323", "10.0.0.1:9323/x", "10.0.0.1:9323\n",
        ] { #expect(NodeMetricsAddress(text) == nil, "\(text)") }
        #expect(NodeMetricsAddress(host: "localhost", port: 9323) == nil)
    }

    @Test func `a node is read whatever it says of its metrics, and says the same text`() throws {
        func read(_ address: String) throws -> NodeDescription {
            try WireJSON.decode(
                NodeDescription.self, from: Data(#"{"Hostname":"n","MetricsAddress":\#(address),"HasSCTP":true}"#.utf8))
        }
        func written(_ description: NodeDescription) throws -> String {
            String(decoding: try WireJSON.encode(description), as: UTF8.self)
        }
        let known = try read(#""[fd00::1]:9323""#)
        #expect(known.metricsAddress == NodeMetricsAddress("[fd00::1]:9323"))
        #expect(try written(known).contains(#""MetricsAddress":"[fd00::1]:9323""#))
        for unknown in ["\"\"", "\"node:9323\"", "7", "null", #"{"Port":1}"#] {
            let description = try read(unknown)
            #expect(description.metricsAddress == nil && description.hostname == "n" && description.hasSCTP == true)
            #expect(try !written(description).contains("MetricsAddress"))
        }
    }

    @Test func `what is served at every address is reached at the node's own, and loopback by nobody else`() {
        let node = IPAddress(10, 0, 0, 7)
        #expect(NodeMetricsAddress("0.0.0.0:9323")?.reached(at: node) == "10.0.0.7:9323")
        #expect(NodeMetricsAddress("[::]:9323")?.reached(at: IPAddress("fd00::7")) == "[fd00::7]:9323")
        #expect(NodeMetricsAddress("10.1.0.1:9323")?.reached(at: node) == "10.1.0.1:9323")
        #expect(NodeMetricsAddress("127.0.0.1:9323")?.reached(at: node) == nil)
        for nowhere in [nil, IPAddress(0, 0, 0, 0)] {
            #expect(NodeMetricsAddress("0.0.0.0:9323")?.reached(at: nowhere) == nil)
        }
    }

    @Test func `the answer to a discovery is a group for each node with bounded labels`() throws {
        var labels = ["id": "n1", "hostname": "a\"b", "label_rack-1": "x", "label_rack.1": "y"]
        for number in 0..<100 { labels["label_many\(number)"] = String(repeating: "é", count: 100) }
        let page = try ScrapeTarget.page([
            ScrapeTarget(address: "10.0.0.1:9323", labels: ["id": "n0"]),
            ScrapeTarget(address: "10.0.0.2:9323", labels: labels),
        ])
        let text = String(decoding: page, as: UTF8.self)
        #expect(
            text.hasPrefix(
                #"[{"labels":{"__meta_dockerswarm_node_id":"n0"},"targets":["10.0.0.1:9323"]},{"labels":{"#))
        #expect(text.contains(#""__meta_dockerswarm_node_hostname":"a\"b""#))
        #expect(text.components(separatedBy: "__meta_dockerswarm_node_label_").count - 1 == 64)
        #expect(text.contains("\"" + String(repeating: "é", count: 64) + "\""))
        #expect(try ScrapeTarget.page([]) == Array("[]".utf8))
    }
}
