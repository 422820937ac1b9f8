#pragma once

// What the Glibc module does not export: system calls with their constants, and the kernel's netlink headers.
// No header of the C library is included, lest Swift take its types (pid_t, in6_addr) for this module's: pids are int.
// Every function follows the system call's convention: -1 and errno on failure.

#include <stddef.h>
#include <stdint.h>

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/net_namespace.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

// Flags the C library hides behind _GNU_SOURCE or the Swift importer cannot read. Values: the kernel's headers.

extern const int clinux_o_path;
extern const int clinux_clone_newnet;
extern const int clinux_clone_newns;
extern const int clinux_clone_newuts;
extern const int clinux_clone_fs;

extern const unsigned long clinux_ms_rdonly;
extern const unsigned long clinux_ms_nosuid;
extern const unsigned long clinux_ms_nodev;
extern const unsigned long clinux_ms_noexec;
extern const unsigned long clinux_ms_remount;
extern const unsigned long clinux_ms_bind;
extern const unsigned long clinux_ms_move;
extern const unsigned long clinux_ms_rec;
extern const unsigned long clinux_ms_private;
extern const unsigned long clinux_ms_slave;
extern const unsigned long clinux_ms_shared;
extern const int clinux_mnt_detach;

/// setns(2): the calling thread alone enters the namespace. `type` is a CLONE_NEW… flag, or 0 for any.
int clinux_setns(int fd, int type);
/// unshare(2), of the calling thread.
int clinux_unshare(int flags);
/// mount(2); `data` holds the file system's own options, separated by commas.
int clinux_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data);
/// umount2(2).
int clinux_umount2(const char *target, int flags);
/// Sets (`attr_set`) mount attributes MOUNT_ATTR_RDONLY… on the mount at `path`; `recursive` for those below too.
int clinux_mount_set_read_only(const char *path, int recursive);
/// 1 when `path` is the root of a mount, 0 when not (statx(2), STATX_ATTR_MOUNT_ROOT).
int clinux_is_mount_root(const char *path);
/// 1 when `path` lies on nsfs, as a bind-mounted namespace does, 0 when not.
int clinux_is_namespace(const char *path);

/// pipe2(2); `ends[0]` is read from.
int clinux_pipe2(int ends[2], int flags);
/// accept4(2); `flags` are SOCK_CLOEXEC and SOCK_NONBLOCK. The peer's address is not asked for.
int clinux_accept4(int socket, int flags);
/// close_range(2), Linux 5.9: both ends included.
int clinux_close_range(unsigned int first, unsigned int last, unsigned int flags);
/// openat2(2) that neither follows symbolic links nor crosses mounts.
int clinux_open_beneath(int directory, const char *name, int flags);
/// openat2(2) that looks the path up as if the directory were the root: neither `..` nor a symbolic link leads out of it.
int clinux_open_in_root(int root, const char *path, int flags, unsigned int mode);
/// Sets an extended attribute of the entry `name` of a directory; a symbolic link gets it itself.
int clinux_set_attribute(int directory, const char *name, const char *attribute, const void *value, size_t length);
/// lgetxattr(2).
long clinux_attribute(const char *path, const char *attribute, void *value, size_t length);
/// syncfs(2): writes out the file system that the descriptor lies on.
int clinux_sync_file_system(int fd);
/// getrandom(2): random bytes fit for keys; how many there are is returned, which may be fewer.
long clinux_getrandom(void *buffer, size_t length);
/// flock(2); without `wait` a lock that somebody has fails with EWOULDBLOCK.
int clinux_flock(int fd, int exclusive, int wait);

/// adjtimex(2), without its header, which would bring types of the C library: `modes` (0: only look), `offset`, `freq`, `maxerror`, each in the room of
/// a long, and more.
extern int adjtimex(void *clock);
/// How far the clock is off at most, in microseconds, as the kernel's clock discipline knows; -1 when it does not tell.
static inline long clinux_clock_error(void) {
    long clock[64] = {0};
    return adjtimex(clock) < 0 ? -1 : clock[3];
}
/// sethostname(2), in the calling thread's UTS namespace.
int clinux_hostname(const char *name);

/// prctl(2), PR_SET_CHILD_SUBREAPER: descendants whose parent ends become this process' children.
int clinux_set_subreaper(int on);
/// pidfd_open(2): a descriptor, close-on-exec, that stays this process' even when its number is given to another.
int clinux_pidfd_open(int pid);
/// pidfd_send_signal(2).
int clinux_pidfd_send_signal(int pidfd, int signal);
/// waitid(P_PIDFD, WEXITED | WNOHANG). Returns 1 and fills `code` (CLD_EXITED = 1, else killed) and `status`
/// (exit code or signal) when the process has ended, 0 while it runs.
int clinux_wait_pidfd(int pidfd, int *code, int *status);
/// Pid of one child that has ended and is not yet reaped, without reaping it; 0 when there is none.
int clinux_peek_zombie(void);
/// Reaps the ended child `pid`.
int clinux_reap(int pid);

/// A program to start. Descriptors 0, 1, 2 that are not given become /dev/null; all others are closed.
struct clinux_spawn {
    const char *executable;
    char *const *arguments;
    char *const *environment;
    const char *directory;
    const int *from;
    const int *to;
    int count;
    int new_session;
    int network_namespace;  // descriptor, or -1
    const char *const *tasks;  // `tasks` files of version 1 cgroups that the child enters by itself; ends with NULL
    int cgroup;  // descriptor of a version 2 cgroup that the child is born in (Linux 5.7), or -1
    unsigned long most_descriptors;  // RLIMIT_NOFILE of the child, both values; 0 for this process' own
};

/// Starts a program in a child that shares memory until its exec (CLONE_VM | CLONE_VFORK) and begins with this process'
/// table of descriptors (CLONE_FILES), which it leaves for one of its own before it takes what is given to it
/// (pidfd_getfd(2)): so the cost grows neither with this process nor with what it has open. Where that is forbidden, and
/// for a thread that has a table of its own, the child gets a copy of the table and closes what is not given. Signals are
/// blocked around it; the child gets default dispositions and an empty mask. Returns 0 and fills `pid` and `pidfd`
/// (close-on-exec), or -1 with errno of the failed step, whose name is in `stage`.
int clinux_spawn(const struct clinux_spawn *request, int *pid, int *pidfd, const char **stage);

/// A copy of a program in memory that nobody can change (memfd_create(2), all seals). Returns its descriptor.
int clinux_sealed_copy(int fd, const char *name);
/// The same with bytes that are in memory already, not to be executed.
int clinux_sealed_bytes(const char *name, const void *bytes, size_t length);
/// Sends a datagram without content that carries a descriptor (SCM_RIGHTS, unix(7)) through a connected Unix socket.
int clinux_send_descriptor(int socket, int fd);
/// SO_SNDTIMEO: sending fails with EAGAIN after that time.
int clinux_send_timeout(int fd, int milliseconds);

/// Installs a handler that writes the signal's number, one byte, to `fd`. Never blocks if `fd` does not.
int clinux_signal_to_descriptor(int signal, int fd);
/// SIG_IGN for the whole process.
int clinux_ignore_signal(int signal);
/// SO_PEERCRED of a connected Unix socket.
int clinux_peer_credentials(int socket, int *pid, unsigned int *uid, unsigned int *gid);

/// A netlink socket (netlink(7)), close-on-exec; `protocol` is NETLINK_ROUTE, NETLINK_NETFILTER….
int clinux_netlink_socket(int protocol);
/// Binds it to a port of the kernel's choice, which is filled in.
int clinux_netlink_bind(int fd, uint32_t *port);
/// One datagram. Returns its length; `truncated`, `sender` (port id, 0 = kernel) and `nsid` (-1 = our own) are filled.
long clinux_netlink_receive(int fd, void *buffer, size_t length, int flags, int *truncated, uint32_t *sender, int *nsid);
/// To the kernel; several messages may be in one datagram.
long clinux_netlink_send(int fd, const void *buffer, size_t length);
/// setsockopt(2) of SOL_NETLINK with a number.
int clinux_netlink_option(int fd, int option, int value);
/// SO_RCVBUFFORCE, or SO_RCVBUF where that is not allowed; also SO_SNDBUF.
int clinux_socket_buffers(int fd, int receive, int send);
/// SO_RCVTIMEO: receiving fails with EAGAIN after that time.
int clinux_receive_timeout(int fd, int milliseconds);
/// if_nametoindex(3), in the calling thread's network namespace; 0 when there is none.
unsigned int clinux_ifindex(const char *name);

/// A packet socket (packet(7)) of the link, for IPv4 frames that arrive by it, each with `struct virtio_net_hdr` before it. Never blocks.
int clinux_packet_socket(unsigned int link);
/// Sends a frame. With `checksum_start` above 0 the device computes the checksum from there on, and puts it `checksum_offset` further.
long clinux_packet_send(int fd, const void *frame, size_t length, int checksum_start, int checksum_offset);
/// The next frame; `is_open`: its checksum was never computed, for the frame has not left the machine.
long clinux_packet_receive(int fd, void *frame, size_t length, int *is_open);
/// Whether a link of the calling thread's network namespace computes checksums of what it sends (ETHTOOL_GTXCSUM): 1 or 0.
int clinux_link_checksums(const char *link);
/// Has it do so, or has the kernel do so before (ETHTOOL_STXCSUM). Segmentation by the link ends with it.
int clinux_set_link_checksums(const char *link, int on);

/// epoll(7), close-on-exec, for reading and hang-ups. `token` comes back from the wait.
int clinux_epoll_create(void);
/// Watches a descriptor; with `once` (EPOLLONESHOT) it is told of once, and then no more until it is removed and added again.
int clinux_epoll_add(int epoll, int fd, uint64_t token, int once);
/// Watches it no more; one that is closed everywhere is gone by itself.
int clinux_epoll_remove(int epoll, int fd);
/// Waits without a deadline until some are ready, up to `most` and 64; returns how many, their tokens are filled in.
int clinux_epoll_wait(int epoll, uint64_t *tokens, int most);

/// Gives the pages of freed memory back to the kernel, of all arenas (malloc_trim(3)). 1 when there were any.
int clinux_trim_memory(void);

/// Bytes that the process has allocated and not freed, wherever the allocator keeps them: mallinfo2(3).
size_t clinux_allocated_memory(void);

/// Bytes that the process has freed and the allocator keeps, of all arenas, whether the kernel has their pages back or not: mallinfo2(3).
size_t clinux_freed_memory(void);

/// Lets the calling thread run on one CPU only (sched_setaffinity(2)).
int clinux_pin_thread(int processor);
