import EngineInterface
import Testing

@testable import Telemetry

/// Labels of containers on the node's page: none but those that are asked for.
@Suite struct MetricsLabelsTests {
    private func lines(_ labels: MetricsLabels) -> [String] {
        let page = ExpositionTests.snapshot().nodePage(
            .text, engine: EngineFacts(), swarm: nil, history: HistoryState(), labels: labels)
        return String(decoding: page, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test
    func `series of containers have the labels that are named, as Prometheus spells them, where a container has them`()
        throws
    {
        let told = lines(try #require(MetricsLabels("com.docker.swarm.service.name,0 odd/name,only1,nobody.has.it")))
        let first = #"id="000000000000",name="web.0",service="","#
        let named = #"label_com_docker_swarm_service_name="web",label_0_odd_name="x\ny""#
        #expect(told.contains { $0.hasPrefix("apus_container_info{\(first)\(named),container_id=") })
        #expect(told.contains { $0.hasPrefix("apus_container_cpu_seconds_total{\(first)\(named),mode=\"user\"}") })
        #expect(told.contains { $0.hasPrefix("apus_container_network_bytes_total{\(first)\(named),network=") })
        let withOnly = told.filter { $0.contains("label_only1") }
        #expect(
            !withOnly.isEmpty && withOnly.allSatisfy { $0.contains(#"name="web.1""#) && $0.contains(#"only1="1""#) })
        #expect(!told.contains { $0.contains("nobody") || $0.contains("only2") })
        // What is of no container has none.
        #expect(told.filter { $0.contains("label_") }.allSatisfy { $0.hasPrefix("apus_container_") })
    }

    @Test func `without the option there are none`() {
        #expect(MetricsLabels("") == MetricsLabels())
        #expect(!lines(MetricsLabels()).contains { $0.contains("label_") })
    }

    @Test func `names are bounded in number and length, and no two come out as the same`() {
        let many = (0..<MetricsLabels.most).map { "l\($0)" }.joined(separator: ",")
        #expect(MetricsLabels(many) != nil && MetricsLabels(many + ",more") == nil)
        let long = String(repeating: "x", count: MetricsLabels.longestName)
        #expect(MetricsLabels(long) != nil && MetricsLabels(long + "x") == nil)
        for text in ["a,", ",a", "a,,b", "a,a", "a.b,a_b", "a-b,a/b", ","] {
            #expect(MetricsLabels(text) == nil, "\(text)")
        }
    }
}
