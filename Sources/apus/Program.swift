import Commands
import Foundation

@main
struct Program {
    static func main() async {
        let shell = Shell(environment: ProcessInfo.processInfo.environment)
        exit(await shell.run(Array(CommandLine.arguments.dropFirst())))
    }
}
