import LinuxSystem
import Testing

@Suite struct ValueTests {
    @Test func `a hybrid layout is recognised from its mounts`() {
        let text = """
            28 21 0:25 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755
            29 28 0:26 / /sys/fs/cgroup/unified rw,nosuid shared:4 - cgroup2 cgroup2 rw
            30 28 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
            31 28 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
            32 28 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
            33 1 0:30 / /mnt/with\\040space\\134 rw - ext4 /dev/x rw
            a line that is none
            """
        let mounts = MountEntry.parse(text)
        #expect(mounts.count == 6)
        #expect(mounts.last?.target == "/mnt/with space\\")
        #expect(mounts[1].options == ["rw", "nosuid"] && mounts[1].type == "cgroup2")
        let layout = CgroupLayout(mounts: mounts)
        #expect(layout.mode == .hybrid && layout.version == 1)
        #expect(layout.unified == "/sys/fs/cgroup/unified")
        let together = "/sys/fs/cgroup/cpu,cpuacct"
        #expect(
            layout.controllers == ["memory": "/sys/fs/cgroup/memory", "cpu": together, "cpuacct": together])
        #expect(layout.named == ["/sys/fs/cgroup/systemd"])
        let unified = CgroupLayout(mounts: [mounts[1]])
        #expect(unified.mode == .unified && unified.version == 2)
    }

    @Test func `identifiers have the lengths and digits that Docker's have`() {
        for _ in 0..<200 {
            let swarm = RandomID.swarm()
            #expect(swarm.utf8.count == 25)
            #expect(swarm.allSatisfy { "0123456789abcdefghijklmnopqrstuvwxyz".contains($0) })
            let docker = RandomID.docker()
            #expect(docker.utf8.count == 64)
            #expect(docker.allSatisfy { "0123456789abcdef".contains($0) })
            #expect(docker.prefix(12).contains { !$0.isNumber })
        }
        #expect(RandomID.swarm(of: Array(repeating: 255, count: 16)) == "f5lxx1zz5pnorynqglhzmsp33")
        #expect(RandomID.swarm(of: Array(repeating: 0, count: 15) + [36]) == "0000000000000000000000010")
    }
}
