#define _GNU_SOURCE
#include "CLinux.h"

#include <stdio.h>
#include <limits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/kcmp.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/xattr.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <arpa/inet.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

// <sys/mount.h> and <linux/mount.h> exclude each other in glibc 2.36; these are the former's.
extern int mount(const char *, const char *, const char *, unsigned long, const void *);
extern int umount2(const char *, int);

const int clinux_o_path = O_PATH;
const int clinux_clone_newnet = CLONE_NEWNET;
const int clinux_clone_newns = CLONE_NEWNS;
const int clinux_clone_newuts = CLONE_NEWUTS;
const int clinux_clone_fs = CLONE_FS;
const unsigned long clinux_ms_rdonly = MS_RDONLY;
const unsigned long clinux_ms_nosuid = MS_NOSUID;
const unsigned long clinux_ms_nodev = MS_NODEV;
const unsigned long clinux_ms_noexec = MS_NOEXEC;
const unsigned long clinux_ms_remount = MS_REMOUNT;
const unsigned long clinux_ms_bind = MS_BIND;
const unsigned long clinux_ms_move = MS_MOVE;
const unsigned long clinux_ms_rec = MS_REC;
const unsigned long clinux_ms_private = MS_PRIVATE;
const unsigned long clinux_ms_slave = MS_SLAVE;
const unsigned long clinux_ms_shared = MS_SHARED;
const int clinux_mnt_detach = 2;

int clinux_setns(int fd, int type) { return setns(fd, type); }
int clinux_unshare(int flags) { return unshare(flags); }

int clinux_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data) {
    return mount(source, target, type, flags, data);
}

int clinux_umount2(const char *target, int flags) { return umount2(target, flags); }

int clinux_mount_set_read_only(const char *path, int recursive) {
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
    return (int)syscall(SYS_mount_setattr, AT_FDCWD, path, recursive ? AT_RECURSIVE : 0, &attributes, sizeof attributes);
}

int clinux_is_mount_root(const char *path) {
    struct statx found;
    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &found) != 0) return -1;
    return (found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

int clinux_is_namespace(const char *path) {
    struct statfs found;
    if (statfs(path, &found) != 0) return -1;
    return found.f_type == NSFS_MAGIC;
}

int clinux_pipe2(int ends[2], int flags) { return pipe2(ends, flags); }
int clinux_accept4(int socket, int flags) { return accept4(socket, NULL, NULL, flags); }

int clinux_close_range(unsigned int first, unsigned int last, unsigned int flags) {
    return (int)syscall(SYS_close_range, first, last, flags);
}

int clinux_open_beneath(int directory, const char *name, int flags) {
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
        .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
    };
    return (int)syscall(SYS_openat2, directory, name, &how, sizeof how);
}

int clinux_open_in_root(int root, const char *path, int flags, unsigned int mode) {
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
        .mode = (flags & O_CREAT) ? mode : 0,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    // EAGAIN: something was renamed while a `..` was looked up (openat2(2)); the next try sees it as it is now.
    for (int attempt = 0;; attempt++) {
        int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
        if (fd >= 0 || errno != EAGAIN || attempt >= 64) return fd;
    }
}

int clinux_set_attribute(int directory, const char *name, const char *attribute, const void *value, size_t length) {
    char path[PATH_MAX];
    int written = snprintf(path, sizeof path, "/proc/thread-self/fd/%d/%s", directory, name);
    if (written < 0 || (size_t)written >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return lsetxattr(path, attribute, value, length, 0);
}

long clinux_attribute(const char *path, const char *attribute, void *value, size_t length) {
    return lgetxattr(path, attribute, value, length);
}

int clinux_sync_file_system(int fd) { return syncfs(fd); }

long clinux_getrandom(void *buffer, size_t length) { return getrandom(buffer, length, 0); }

int clinux_flock(int fd, int exclusive, int wait) {
    return flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB));
}

int clinux_hostname(const char *name) { return sethostname(name, strlen(name)); }
int clinux_set_subreaper(int on) { return prctl(PR_SET_CHILD_SUBREAPER, (unsigned long)on, 0, 0, 0); }
int clinux_pidfd_open(int pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int clinux_pidfd_send_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

int clinux_wait_pidfd(int pidfd, int *code, int *status) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    if (waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED | WNOHANG) != 0) return -1;
    if (info.si_pid == 0) return 0;
    *code = info.si_code;
    *status = info.si_status;
    return 1;
}

int clinux_peek_zombie(void) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) return 0;
    return info.si_pid;
}

int clinux_reap(int pid) {
    siginfo_t info;
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG);
}

// MARK: spawn

enum { maximum_descriptors = 64, spawn_stack = 128 * 1024 };

struct child {
    const struct clinux_spawn *request;
    // Whose table of descriptors the child shares when it begins; 0: it has a copy of it.
    int owner;
    // What the child may not do without a copy.
    volatile int is_refused;
    volatile int error;
    const char *volatile stage;
};

static int child_failed(struct child *child, const char *stage) {
    child->error = errno;
    child->stage = stage;
    return 127;
}

// Leaves the table that it shares for one of its own, in which the first three descriptors are and nothing else (close_range(2)): what thousands
// of others would cost to copy and to close is not paid. Returns a pidfd of the table's owner, from which to take what is asked for.
static int leave_table(struct child *child) {
    if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_UNSHARE) != 0) return -1;
    return (int)syscall(SYS_pidfd_open, child->owner, 0);
}

// Runs in the parent's memory while the parent's thread sleeps: no allocation, nothing of the parent's is written
// but `child`. While it shares the parent's table of descriptors it opens and closes nothing.
static int child_main(void *argument) {
    struct child *child = argument;
    const struct clinux_spawn *request = child->request;

    // By the system call itself: the C library refuses to touch its own two signals, and an ignored one is inherited.
    const unsigned char standard[32] = {0};  // `struct sigaction` of the kernel with SIG_DFL
    for (int number = 1; number < 65; number++) {
        if (number == SIGKILL || number == SIGSTOP) continue;
        if (syscall(SYS_rt_sigaction, number, standard, NULL, 8) != 0) return child_failed(child, "sigaction");
    }
    if (request->network_namespace >= 0 && setns(request->network_namespace, CLONE_NEWNET) != 0)
        return child_failed(child, "setns");
    if (request->new_session && setsid() < 0) return child_failed(child, "setsid");

    int owner = -1;
    if (child->owner > 0 && (owner = leave_table(child)) < 0) {
        child->is_refused = 1;
        return child_failed(child, "close_range");
    }
    int last = 2;
    for (int i = 0; i < request->count; i++)
        if (request->to[i] > last) last = request->to[i];
    int aside[maximum_descriptors];
    for (int i = 0; i < request->count; i++) {
        int from = request->from[i];
        if (owner >= 0 && (from = (int)syscall(SYS_pidfd_getfd, owner, from, 0)) < 0) {
            child->is_refused = 1;
            return child_failed(child, "pidfd_getfd");
        }
        aside[i] = fcntl(from, F_DUPFD_CLOEXEC, last + 1);
        if (aside[i] < 0) return child_failed(child, "dup");
        if (owner >= 0) close(from);
    }
    for (int to = 0; to <= last; to++) {
        int found = -1;
        for (int i = 0; i < request->count; i++)
            if (request->to[i] == to) found = aside[i];
        if (found >= 0) {
            if (dup2(found, to) < 0) return child_failed(child, "dup2");
        } else if (to <= 2) {
            int null = open("/dev/null", O_RDWR | O_CLOEXEC);
            if (null < 0) return child_failed(child, "open /dev/null");
            if (null == to) {
                if (fcntl(null, F_SETFD, 0) != 0) return child_failed(child, "fcntl");
            } else {
                if (dup2(null, to) < 0) return child_failed(child, "dup2");
                close(null);
            }
        } else {
            close(to);
        }
    }
    if (syscall(SYS_close_range, (unsigned)last + 1, ~0U, 0) != 0) return child_failed(child, "close_range");
    if (request->directory && chdir(request->directory) != 0) return child_failed(child, "chdir");
    if (request->most_descriptors != 0) {
        const struct rlimit most = {request->most_descriptors, request->most_descriptors};
        if (setrlimit(RLIMIT_NOFILE, &most) != 0) return child_failed(child, "setrlimit");
    }

    // Last of all: what is opened before is opened with this process' own rights to devices.
    for (const char *const *path = request->tasks; path && *path; path++) {
        int file = open(*path, O_WRONLY | O_CLOEXEC);
        if (file < 0 || write(file, "0", 1) != 1) return child_failed(child, "cgroup");
        close(file);
    }

    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(request->executable, request->arguments, request->environment);
    return child_failed(child, "execve");
}

// The part of the kernel's `struct clone_args` up to `cgroup` (Linux 5.7); its header has it only in newer versions.
struct clone_into {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

enum { clone_into_cgroup_bit = 33 };

// clone3(2) with a stack of its own, for which the C library has no function: the child calls `child_main` and ends
// with what it returns.
static long clone_child(struct clone_into *what, struct child *child) {
#if defined(__x86_64__)
    long result;
    register int (*function)(void *) __asm__("r12") = child_main;
    register void *argument __asm__("r13") = child;
    __asm__ volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "xor %%ebp, %%ebp\n\t"
        "mov %[argument], %%rdi\n\t"
        "call *%[function]\n\t"
        "mov %%eax, %%edi\n\t"
        "mov %[end], %%eax\n\t"
        "syscall\n\t"
        "hlt\n"
        "1:"
        : "=a"(result)
        : "0"((long)SYS_clone3), "D"(what), "S"(sizeof *what), [function] "r"(function), [argument] "r"(argument),
          [end] "i"(SYS_exit)
        : "rcx", "r11", "memory", "cc");
#elif defined(__aarch64__)
    register long result __asm__("x0") = (long)what;
    register long size __asm__("x1") = sizeof *what;
    register long number __asm__("x8") = SYS_clone3;
    register int (*function)(void *) __asm__("x20") = child_main;
    register void *argument __asm__("x21") = child;
    __asm__ volatile(
        "svc #0\n\t"
        "cbnz x0, 1f\n\t"
        "mov x29, xzr\n\t"
        "mov x0, %[argument]\n\t"
        "blr %[function]\n\t"
        "mov x8, %[end]\n\t"
        "svc #0\n\t"
        "brk #1\n"
        "1:"
        : "+r"(result)
        : "r"(size), "r"(number), [function] "r"(function), [argument] "r"(argument), [end] "i"(SYS_exit)
        : "x30", "memory", "cc");
#else
    long result = -ENOSYS;
    (void)what;
    (void)child;
#endif
    if (result >= 0) return result;
    errno = (int)-result;
    return -1;
}

// `owner`: whose table of descriptors the child begins with and leaves; 0: it gets a copy.
static int spawn_once(
    const struct clinux_spawn *request, int owner, int *is_refused, int *pid, int *pidfd, const char **stage) {
    char *stack = mmap(NULL, spawn_stack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) return -1;

    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    struct child child = {.request = request, .owner = owner, .error = 0, .stage = "clone"};
    int descriptor = -1;
    int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | (owner > 0 ? CLONE_FILES : 0);
    pid_t made;
    if (request->cgroup >= 0) {
        struct clone_into what = {
            .flags = (uint64_t)flags | UINT64_C(1) << clone_into_cgroup_bit,
            .pidfd = (uint64_t)(uintptr_t)&descriptor,
            .exit_signal = SIGCHLD,
            .stack = (uint64_t)(uintptr_t)stack,
            .stack_size = spawn_stack,
            .cgroup = (uint64_t)request->cgroup,
        };
        child.stage = "clone3";
        made = (pid_t)clone_child(&what, &child);
    } else {
        made = clone(child_main, stack + spawn_stack, flags | SIGCHLD, &child, &descriptor);
    }
    int error = made < 0 ? errno : child.error;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    munmap(stack, spawn_stack);
    *is_refused = child.is_refused;

    if (error != 0) {
        if (made > 0) {
            while (waitpid(made, NULL, 0) < 0 && errno == EINTR) {}
            close(descriptor);
        }
        *stage = child.stage;
        errno = error;
        return -1;
    }
    *pid = made;
    *pidfd = descriptor;
    return 0;
}

// Whether this thread has the table of descriptors that is found by the process' id: not one that has left it.
static int has_table_of(int process) {
    int thread = gettid();
    return thread == process || syscall(SYS_kcmp, process, thread, KCMP_FILES, 0, 0) == 0;
}

int clinux_spawn(const struct clinux_spawn *request, int *pid, int *pidfd, const char **stage) {
    // Where tracing is forbidden to this process, so is taking descriptors from it: pidfd_getfd(2).
    static atomic_int is_forbidden;
    *stage = "clone";
    if (request->count > maximum_descriptors) {
        errno = EINVAL;
        return -1;
    }
    int is_refused = 0;
    int process = getpid();
    if (!atomic_load(&is_forbidden) && has_table_of(process)) {
        if (spawn_once(request, process, &is_refused, pid, pidfd, stage) == 0) return 0;
        if (!is_refused) return -1;
        if (errno == EPERM || errno == ENOSYS) atomic_store(&is_forbidden, 1);
    }
    return spawn_once(request, 0, &is_refused, pid, pidfd, stage);
}

// MARK: programs

int clinux_sealed_copy(int fd, const char *name) {
    // MFD_EXEC is of Linux 6.3: older ones refuse it and need it not.
    int copy = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | 0x0010U);
    if (copy < 0 && errno == EINVAL) copy = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (copy < 0) return -1;
    ssize_t count;
    do count = sendfile(copy, fd, NULL, 1 << 20);
    while (count > 0 || (count < 0 && errno == EINTR));
    int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    if (count < 0 || fchmod(copy, 0755) != 0 || fcntl(copy, F_ADD_SEALS, seals) != 0) {
        int error = errno;
        close(copy);
        errno = error;
        return -1;
    }
    return copy;
}

int clinux_sealed_bytes(const char *name, const void *bytes, size_t length) {
    // MFD_NOEXEC_SEAL is of Linux 6.3, as above.
    int copy = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | 0x0008U);
    if (copy < 0 && errno == EINVAL) copy = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (copy < 0) return -1;
    size_t written = 0;
    while (written < length) {
        ssize_t count = write(copy, (const char *)bytes + written, length - written);
        if (count > 0) written += (size_t)count;
        else if (count == 0 || errno != EINTR) break;
    }
    int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    if (written < length || fcntl(copy, F_ADD_SEALS, seals) != 0) {
        int error = errno;
        close(copy);
        errno = error;
        return -1;
    }
    return copy;
}

int clinux_send_descriptor(int socket, int fd) {
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof fd)];
    } control;
    memset(&control, 0, sizeof control);
    struct msghdr message = {.msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

// MARK: signals

static volatile int signal_descriptors[65];

static void write_signal(int number) {
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    ssize_t ignored = write(signal_descriptors[number], &byte, 1);
    (void)ignored;  // A full pipe already tells of the signal.
    errno = saved;
}

int clinux_signal_to_descriptor(int number, int fd) {
    if (number < 1 || number > 64) {
        errno = EINVAL;
        return -1;
    }
    signal_descriptors[number] = fd;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = write_signal;
    action.sa_flags = SA_RESTART;
    return sigaction(number, &action, NULL);
}

int clinux_ignore_signal(int number) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_IGN;
    return sigaction(number, &action, NULL);
}

int clinux_peer_credentials(int socket, int *pid, unsigned int *uid, unsigned int *gid) {
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return -1;
    *pid = peer.pid;
    *uid = peer.uid;
    *gid = peer.gid;
    return 0;
}

// MARK: netlink sockets

int clinux_netlink_socket(int protocol) { return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol); }

int clinux_netlink_bind(int fd, uint32_t *port) {
    struct sockaddr_nl address = {.nl_family = AF_NETLINK};
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) return -1;
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) return -1;
    *port = address.nl_pid;
    return 0;
}

long clinux_netlink_receive(
    int fd, void *buffer, size_t length, int flags, int *truncated, uint32_t *sender, int *nsid) {
    struct sockaddr_nl from = {0};
    struct iovec part = {.iov_base = buffer, .iov_len = length};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int)) * 4];
    } control;
    struct msghdr message = {
        .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &part, .msg_iovlen = 1,
        .msg_control = &control, .msg_controllen = sizeof control,
    };
    ssize_t received = recvmsg(fd, &message, flags | MSG_CMSG_CLOEXEC);
    if (received < 0) return -1;
    *truncated = (message.msg_flags & MSG_TRUNC) != 0;
    *sender = from.nl_pid;
    *nsid = -1;
    for (struct cmsghdr *item = CMSG_FIRSTHDR(&message); item; item = CMSG_NXTHDR(&message, item)) {
        if (item->cmsg_level == SOL_NETLINK && item->cmsg_type == NETLINK_LISTEN_ALL_NSID)
            memcpy(nsid, CMSG_DATA(item), sizeof *nsid);
    }
    return received;
}

long clinux_netlink_send(int fd, const void *buffer, size_t length) {
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    return sendto(fd, buffer, length, 0, (struct sockaddr *)&kernel, sizeof kernel);
}

int clinux_netlink_option(int fd, int option, int value) {
    return setsockopt(fd, SOL_NETLINK, option, &value, sizeof value);
}

int clinux_socket_buffers(int fd, int receive, int send) {
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive, sizeof receive) != 0
        && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof receive) != 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &send, sizeof send) != 0
        && setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send, sizeof send) != 0)
        return -1;
    return 0;
}

int clinux_receive_timeout(int fd, int milliseconds) {
    struct timeval limit = {.tv_sec = milliseconds / 1000, .tv_usec = (milliseconds % 1000) * 1000};
    return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

int clinux_send_timeout(int fd, int milliseconds) {
    struct timeval limit = {.tv_sec = milliseconds / 1000, .tv_usec = (milliseconds % 1000) * 1000};
    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

unsigned int clinux_ifindex(const char *name) {
    struct { char name[16]; int index; char rest[64]; } request;
    memset(&request, 0, sizeof request);
    strncpy(request.name, name, sizeof request.name - 1);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return 0;
    int result = ioctl(fd, 0x8933 /* SIOCGIFINDEX */, &request);
    close(fd);
    return result == 0 ? (unsigned)request.index : 0;
}

// MARK: packets

// <net/if.h> and <linux/if_packet.h> would bring types of the C library into the header; these are the latter's.
struct packet_name {
    unsigned short family;
    uint16_t protocol_be;
    int link;
    unsigned short hardware;
    unsigned char kind, address_length, address[8];
};
struct packet_header {
    uint8_t flags, gso_type;
    uint16_t header_length, gso_size, checksum_start, checksum_offset;
};
enum { packet_option_header = 15, packet_open_checksum = 1 };

int clinux_packet_socket(unsigned int link) {
    // Without a protocol: nothing is heard before it is bound to the one link.
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    int on = 1;
    struct packet_name name = {.family = AF_PACKET, .protocol_be = htons(0x0800), .link = (int)link};
    if (setsockopt(fd, SOL_PACKET, packet_option_header, &on, sizeof on) != 0
        || bind(fd, (struct sockaddr *)&name, sizeof name) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

long clinux_packet_send(int fd, const void *frame, size_t length, int checksum_start, int checksum_offset) {
    struct packet_header header = {0};
    if (checksum_start > 0) {
        header.flags = packet_open_checksum;
        header.checksum_start = (uint16_t)checksum_start;
        header.checksum_offset = (uint16_t)checksum_offset;
    }
    struct iovec parts[] = {{&header, sizeof header}, {(void *)frame, length}};
    return writev(fd, parts, 2);
}

long clinux_packet_receive(int fd, void *frame, size_t length, int *is_open) {
    struct packet_header header = {0};
    struct iovec parts[] = {{&header, sizeof header}, {frame, length}};
    ssize_t count = readv(fd, parts, 2);
    if (count < 0) return -1;
    *is_open = (header.flags & packet_open_checksum) != 0;
    return count < (ssize_t)sizeof header ? 0 : count - (ssize_t)sizeof header;
}

// ethtool(8)'s way to the kernel: linux/ethtool.h, `struct ethtool_value`; `struct ifreq` with a pointer to it.
static int link_checksums(const char *link, uint32_t command, uint32_t *value) {
    struct { uint32_t command, value; } data = {command, *value};
    struct { char name[16]; void *data; char rest[64]; } request;
    memset(&request, 0, sizeof request);
    strncpy(request.name, link, sizeof request.name - 1);
    request.data = &data;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    int result = ioctl(fd, 0x8946 /* SIOCETHTOOL */, &request);
    int error = errno;
    close(fd);
    errno = error;
    *value = data.value;
    return result;
}

int clinux_link_checksums(const char *link) {
    uint32_t value = 0;
    return link_checksums(link, 0x16 /* ETHTOOL_GTXCSUM */, &value) != 0 ? -1 : value != 0;
}

int clinux_set_link_checksums(const char *link, int on) {
    uint32_t value = on != 0;
    return link_checksums(link, 0x17 /* ETHTOOL_STXCSUM */, &value);
}

// MARK: epoll

enum { epoll_batch = 64 };

int clinux_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int clinux_epoll_add(int epoll, int fd, uint64_t token, int once) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | (once ? EPOLLONESHOT : 0), .data.u64 = token};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int clinux_epoll_remove(int epoll, int fd) { return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL); }

int clinux_epoll_wait(int epoll, uint64_t *tokens, int most) {
    struct epoll_event events[epoll_batch];
    int count = epoll_wait(epoll, events, most < epoll_batch ? most : epoll_batch, -1);
    for (int i = 0; i < count; i++) tokens[i] = events[i].data.u64;
    return count;
}

// Blocking work runs on many threads that live for a moment. Left alone, malloc gives them an arena each, up to eight for
// every processor, and what one of them has freed the others cannot use: a third more memory for the daemon.
__attribute__((constructor)) static void clinux_limit_arenas(void) { mallopt(M_ARENA_MAX, 2); }

int clinux_trim_memory(void) { return malloc_trim(0); }

size_t clinux_allocated_memory(void) {
    struct mallinfo2 facts = mallinfo2();
    return facts.uordblks + facts.hblkhd;
}

size_t clinux_freed_memory(void) { return mallinfo2().fordblks; }

int clinux_pin_thread(int processor) {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(processor, &only);
    return sched_setaffinity(0, sizeof only, &only);
}
