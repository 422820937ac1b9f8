#define _GNU_SOURCE
#include "CESP.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

// MARK: Devices

int cesp_tap_open(const char *name, int multi_queue, int mtu, int *made) {
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return -errno;
    *made = if_nametoindex(name) == 0;
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (multi_queue ? IFF_MULTI_QUEUE : 0);
    if (ioctl(fd, TUNSETIFF, &request) < 0) goto failed;
    unsigned long plain = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
    // Before Linux 6.2 without segmentation of UDP.
    if (ioctl(fd, TUNSETOFFLOAD, plain | TUN_F_USO4 | TUN_F_USO6) < 0 && ioctl(fd, TUNSETOFFLOAD, plain) < 0) goto failed;
    if (ioctl(fd, TUNSETPERSIST, 1UL) < 0) goto failed;
    if (*made && mtu > 0) {
        int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (control < 0) goto failed;
        memset(&request, 0, sizeof request);
        strncpy(request.ifr_name, name, IFNAMSIZ - 1);
        request.ifr_mtu = mtu;
        int result = ioctl(control, SIOCSIFMTU, &request), number = errno;
        close(control);
        errno = number;
        if (result < 0) goto failed;
    }
    return fd;
failed:;
    int number = errno;
    close(fd);
    return -number;
}

int cesp_tap_release(int fd) { return ioctl(fd, TUNSETPERSIST, 0UL) < 0 ? -errno : 0; }

// MARK: Sockets

union cesp_name {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t name_of(const struct cesp_endpoint *endpoint, union cesp_name *name) {
    memset(name, 0, sizeof *name);
    if (endpoint->version == 6) {
        name->v6.sin6_family = AF_INET6;
        name->v6.sin6_port = endpoint->port_be;
        memcpy(&name->v6.sin6_addr, endpoint->address, 16);
        return sizeof name->v6;
    }
    name->v4.sin_family = AF_INET;
    name->v4.sin_port = endpoint->port_be;
    memcpy(&name->v4.sin_addr, endpoint->address, 4);
    return sizeof name->v4;
}

static void set(int fd, int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); }

int cesp_udp_open(const struct cesp_endpoint *at, int buffer_bytes) {
    int v6 = at->version == 6, one = 1;
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes) < 0) set(fd, SOL_SOCKET, SO_RCVBUF, buffer_bytes);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer_bytes, sizeof buffer_bytes) < 0) set(fd, SOL_SOCKET, SO_SNDBUF, buffer_bytes);
    set(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
    // A fragment is better than a black hole.
    if (v6) {
        set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
        set(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    } else {
        set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
        set(fd, IPPROTO_IP, IP_RECVTOS, 1);
    }
    union cesp_name name;
    socklen_t length = name_of(at, &name);
    if (setsockopt(fd, IPPROTO_UDP, UDP_GRO, &one, sizeof one) < 0 || bind(fd, &name.any, length) < 0) {
        int number = errno;
        close(fd);
        return -number;
    }
    return fd;
}

int cesp_path_mtu(const struct cesp_endpoint *to) {
    int v6 = to->version == 6, mtu = 0;
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return 0;
    union cesp_name name;
    socklen_t length = name_of(to, &name), size = sizeof mtu;
    if (connect(fd, &name.any, length) < 0 || getsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU : IP_MTU, &mtu, &size) < 0) mtu = 0;
    close(fd);
    return mtu;
}

long cesp_send(int fd, const struct cesp_endpoint *to, const void *bytes, size_t length, unsigned segment, unsigned traffic_class) {
    union cesp_name name;
    struct iovec vector = {(void *)bytes, length};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(uint16_t)) + CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {.msg_name = &name, .msg_namelen = name_of(to, &name), .msg_iov = &vector, .msg_iovlen = 1};
    char *next = control.bytes;
    memset(&control, 0, sizeof control);
    if (segment && length > segment) {
        struct cmsghdr *header = (struct cmsghdr *)next;
        uint16_t size = (uint16_t)segment;
        header->cmsg_level = IPPROTO_UDP;
        header->cmsg_type = UDP_SEGMENT;
        header->cmsg_len = CMSG_LEN(sizeof size);
        memcpy(CMSG_DATA(header), &size, sizeof size);
        next += CMSG_SPACE(sizeof size);
    }
    if (traffic_class) {
        struct cmsghdr *header = (struct cmsghdr *)next;
        int value = (int)traffic_class;
        header->cmsg_level = to->version == 6 ? IPPROTO_IPV6 : IPPROTO_IP;
        header->cmsg_type = to->version == 6 ? IPV6_TCLASS : IP_TOS;
        header->cmsg_len = CMSG_LEN(sizeof value);
        memcpy(CMSG_DATA(header), &value, sizeof value);
        next += CMSG_SPACE(sizeof value);
    }
    if (next != control.bytes) {
        message.msg_control = control.bytes;
        message.msg_controllen = (size_t)(next - control.bytes);
    }
    for (;;) {
        ssize_t sent = sendmsg(fd, &message, 0);
        if (sent >= 0) return sent;
        if (errno != EINTR) return -errno;
    }
}

struct cesp_ring {
    uint8_t *allocated[CESP_MESSAGES];
    struct mmsghdr messages[CESP_MESSAGES];
    struct iovec vectors[CESP_MESSAGES];
    union cesp_name names[CESP_MESSAGES];
    char control[CESP_MESSAGES][128];
};

struct cesp_ring *cesp_ring_new(void) {
    struct cesp_ring *ring = calloc(1, sizeof *ring);
    if (!ring) return NULL;
    for (int i = 0; i < CESP_MESSAGES; i++) {
        ring->allocated[i] = aligned_alloc(4096, CESP_MESSAGE_BYTES + 4096);
        if (!ring->allocated[i]) {
            cesp_ring_free(ring);
            return NULL;
        }
    }
    return ring;
}

void cesp_ring_free(struct cesp_ring *ring) {
    for (int i = 0; i < CESP_MESSAGES; i++) free(ring->allocated[i]);
    free(ring);
}

void *cesp_ring_bytes(struct cesp_ring *ring, int index) { return ring->allocated[index] + CESP_HEADROOM; }

static void take_control(struct msghdr *header, struct cesp_message *out) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        int value = 0;
        if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            memcpy(&value, CMSG_DATA(c), sizeof value);
            if (value > 0) out->segment = (uint32_t)value;
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
            memcpy(&out->dropped, CMSG_DATA(c), sizeof out->dropped);
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
            out->traffic_class = *(uint8_t *)CMSG_DATA(c);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
            memcpy(&value, CMSG_DATA(c), sizeof value);
            out->traffic_class = (uint16_t)(value & 0xff);
        }
    }
}

int cesp_ring_receive(struct cesp_ring *ring, int fd, struct cesp_message *messages) {
    for (int i = 0; i < CESP_MESSAGES; i++) {
        ring->vectors[i] = (struct iovec){ring->allocated[i] + CESP_HEADROOM, CESP_MESSAGE_BYTES};
        ring->messages[i].msg_hdr = (struct msghdr){.msg_name = &ring->names[i], .msg_namelen = sizeof ring->names[i],
            .msg_iov = &ring->vectors[i], .msg_iovlen = 1, .msg_control = ring->control[i], .msg_controllen = sizeof ring->control[i]};
    }
    int count = recvmmsg(fd, ring->messages, CESP_MESSAGES, MSG_DONTWAIT, NULL);
    if (count < 0) return -errno;
    for (int i = 0; i < count; i++) {
        struct msghdr *header = &ring->messages[i].msg_hdr;
        struct cesp_message *out = &messages[i];
        memset(out, 0, sizeof *out);
        out->length = ring->messages[i].msg_len;
        out->segment = out->length;
        out->truncated = (header->msg_flags & MSG_TRUNC) != 0;
        if (ring->names[i].any.sa_family == AF_INET6) {
            memcpy(out->from.address, &ring->names[i].v6.sin6_addr, 16);
            out->from.port_be = ring->names[i].v6.sin6_port;
            out->from.version = 6;
        } else {
            memcpy(out->from.address, &ring->names[i].v4.sin_addr, 4);
            out->from.port_be = ring->names[i].v4.sin_port;
            out->from.version = 4;
        }
        take_control(header, out);
    }
    return count;
}

long cesp_read(int fd, void *bytes, size_t length) {
    ssize_t count = read(fd, bytes, length);
    return count < 0 ? -errno : count;
}

long cesp_writev(int fd, const struct iovec *vectors, int count) {
    ssize_t written = writev(fd, vectors, count);
    return written < 0 ? -errno : written;
}

// MARK: Small things

#if defined(__x86_64__)
__attribute__((target_clones("avx2", "default")))
#endif
uint64_t cesp_sum(const void *start, size_t length, uint64_t sum) {
    const uint8_t *bytes = start;
    uint64_t words = 0;
    size_t count = length / 4;
    for (size_t i = 0; i < count; i++) {
        uint32_t word;
        memcpy(&word, bytes + 4 * i, 4);
        words += word;
    }
    bytes += 4 * count;
    length &= 3;
    if (length & 2) {
        uint16_t half;
        memcpy(&half, bytes, 2);
        words += half;
        bytes += 2;
    }
    if (length & 1) {
        uint16_t half = 0;
        memcpy(&half, bytes, 1);
        words += half;
    }
    sum += words;
    return sum < words ? sum + 1 : sum;
}

uint64_t cesp_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec;
}

int cesp_event(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

void *cesp_map(int fd, size_t offset, size_t length) {
    void *place = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
    return place == MAP_FAILED ? NULL : place;
}

int cesp_epoll_wait(int epoll, uint64_t *tokens, uint8_t *hung, int most, int milliseconds) {
    struct epoll_event events[64];
    int count = epoll_wait(epoll, events, most < 64 ? most : 64, milliseconds);
    for (int i = 0; i < count; i++) {
        tokens[i] = events[i].data.u64;
        hung[i] = (events[i].events & (EPOLLERR | EPOLLHUP)) != 0;
    }
    return count;
}

void cesp_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

int cesp_hide(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }
