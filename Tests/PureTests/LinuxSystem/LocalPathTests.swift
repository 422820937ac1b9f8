import Glibc
import LinuxSystem
import Testing

struct LocalPathTests {
    @Test func `a relative path is of where the program was begun, so that another program finds it elsewhere`() throws
    {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let start = String(cString: try #require(getcwd(&buffer, buffer.count)))
        #expect(LocalPath.absolute("state/swarm") == "\(start)/state/swarm")
        #expect(LocalPath.absolute("./state//swarm/.") == "\(start)/state/swarm")
    }

    @Test(arguments: [
        ("/run/apus", "/run/apus"), ("/run//./apus/", "/run/apus"), ("/run/../../apus", "/apus"), ("/", "/"),
    ])
    func `an absolute path stays, without what leads nowhere`(given: String, kept: String) {
        #expect(LocalPath.absolute(given) == kept)
    }
}
