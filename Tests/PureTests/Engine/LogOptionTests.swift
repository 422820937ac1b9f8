import EngineInterface
import Model
import Testing

@testable import Engine

/// What `--log-opt` says of a log's files.
@Suite struct LogOptionTests {
    private func options(_ type: String, _ values: [String: String]) throws -> LogOptions {
        var configuration = LogConfiguration()
        configuration.type = type
        configuration.config = values
        return try LogOptions(configuration)
    }

    @Test func `files are packed where Docker packs them`() throws {
        #expect(try !options("json-file", [:]).compresses)
        #expect(try !options("json-file", ["max-size": "1m", "max-file": "3"]).compresses)
        #expect(try options("json-file", ["max-size": "1m", "max-file": "3", "compress": "true"]).compresses)
        #expect(try options("local", [:]).compresses)
        #expect(try !options("local", ["compress": "false"]).compresses)
        // Nothing is ever rotated.
        #expect(try !options("local", ["max-file": "1"]).compresses)
        #expect(try options("fluentd", [:]).compresses)
        #expect(try !options("fluentd", ["cache-compress": "f"]).compresses)
        #expect(try !options("none", [:]).compresses)
    }

    @Test func `what cannot be packed is refused as Docker refuses it`() {
        for values in [
            ["compress": "true"], ["compress": "1", "max-size": "1m"], ["compress": "t", "max-file": "3"],
            ["compress": "T", "max-size": "1m", "max-file": "1"],
        ] {
            #expect(throws: LogDriverError.compressionWithoutRotation) { try options("json-file", values) }
        }
        #expect(throws: LogDriverError.compressionOfOneFile) {
            try options("local", ["compress": "true", "max-file": "1"])
        }
        #expect(throws: LogDriverError.compressionOfOneFile) {
            try options("syslog", ["cache-compress": "true", "cache-max-file": "1"])
        }
        #expect(throws: LogDriverError.compressionNotBoolean("yes")) { try options("local", ["compress": "yes"]) }
        #expect(throws: LogDriverError.compressionNotBoolean("")) { try options("json-file", ["compress": ""]) }
    }

    @Test func `what waits for a receiver has bounds of its own`() throws {
        for (values, size, count) in [
            ([:], 20_971_520, 5), (["cache-max-size": "1m"], 1_048_576, 5), (["cache-max-file": "2"], 20_971_520, 2),
            (["cache-max-size": "10m", "spool-max-size": "95m"], 10_485_760, 10),
            // The larger bound counts.
            (["spool-max-size": "30m"], 20_971_520, 5),
        ] as [([String: String], Int64, Int)] {
            let read = try options("fluentd", values)
            #expect(read.size == size && read.count == count, "\(values)")
        }
        #expect(throws: LogDriverError.sizeNotPositive) { try options("fluentd", ["cache-max-size": "0"]) }
        #expect(throws: LogDriverError.invalidSize("x")) { try options("fluentd", ["spool-max-size": "x"]) }
        #expect(throws: LogDriverError.countNotPositive) { try options("fluentd", ["cache-max-file": "0"]) }
    }

    @Test(
        arguments: [
            (nil, true), ("false", true), ("0", true), ("true", false), ("1", false), ("T", false),
        ] as [(String?, Bool)])
    func `what is kept for receivers alone is not to be read`(value: String?, isReadable: Bool) {
        var host = HostConfiguration()
        host.logConfig.type = "fluentd"
        host.logConfig.config["cache-disabled"] = value
        let record = ContainerRecord(
            id: "c", name: "c", created: .now, imageID: "", configuration: ContainerConfiguration(), hostConfig: host,
            commandLine: ["x"])
        #expect(record.hasReadableLog == isReadable)
    }

    @Test func `labels, variables and a tag are taken without a receiver, too`() throws {
        for type in ["json-file", "local"] {
            let values = ["labels": "a", "labels-regex": "^b", "env": "C", "env-regex": "^D", "tag": "{{.Name}}"]
            #expect(throws: Never.self) { try options(type, values) }
        }
        #expect(throws: LogDriverError.unknownLocalOption("x")) { try options("local", ["x": "1"]) }
    }
}
