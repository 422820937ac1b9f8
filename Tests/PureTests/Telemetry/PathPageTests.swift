import EngineInterface
import Testing

@testable import Telemetry

@Suite struct PathPageTests {
    @Test func `ways to other nodes are told with what is wrong with them`() {
        let paths = [
            PathMeasurement(
                peer: "n2", kind: .vxlan, roundTripMicroseconds: 250, lossPermille: 50, mtu: 1400, linkMTU: 1500,
                findings: [.narrow, .lossy]),
            PathMeasurement(peer: "n3", kind: .vxlan, lossPermille: 1000, linkMTU: 1500, findings: .silent),
        ]
        var page = ExpositionWriter(ExpositionFormat(accept: ""))
        PathFamilies(paths: paths).write(to: &page)
        page.finish()
        let text = String(decoding: page.bytes, as: UTF8.self)
        for line in [
            #"apus_path_rtt_seconds{peer="n2",path="vxlan"} 0.00025"#,
            #"apus_path_loss_ratio{peer="n2",path="vxlan"} 0.05"#,
            #"apus_path_loss_ratio{peer="n3",path="vxlan"} 1"#, #"apus_path_mtu_bytes{peer="n2",path="vxlan"} 1400"#,
            #"apus_path_ill{peer="n2",path="vxlan",finding="narrow"} 1"#,
            #"apus_path_ill{peer="n2",path="vxlan",finding="silent"} 0"#,
            #"apus_path_ill{peer="n3",path="vxlan",finding="silent"} 1"#,
        ] { #expect(text.contains(line), "\(line) in:\n\(text)") }
        #expect(!text.contains(#"apus_path_rtt_seconds{peer="n3""#))
        #expect(!text.contains(#"apus_path_mtu_bytes{peer="n3""#))
    }
}
