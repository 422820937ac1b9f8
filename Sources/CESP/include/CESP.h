#pragma once

// What Swift cannot import for the process that encrypts: ioctl(2) on TAP devices, control messages of sendmsg(2) and recvmmsg(2), AES-GCM of
// libcrypto, and a few lines that have to be fast in builds of every kind. OpenSSL's own types stay in the C file, lest they meet BoringSSL's.

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

// MARK: Devices

/// Opens a queue of a TAP device in the calling thread's network namespace, with virtio-net headers and offloads, non-blocking and close-on-exec. The device
/// is made when it is not there (`*made`), with that MTU, and is persistent from then on. Returns the descriptor or -errno: EBUSY while
/// another process has it.
int cesp_tap_open(const char *name, int multi_queue, int mtu, int *made);
/// Takes a device's persistence back: it goes when its last descriptor is closed.
int cesp_tap_release(int fd);

// MARK: Sockets

/// An address and port on the underlay; words that are not used are 0, so equal ones have equal words.
struct cesp_endpoint {
    uint64_t address[2];  // in the order of the wire; an IPv4 address is in the first four bytes
    uint16_t port_be;
    uint16_t version;     // 4 or 6; 0: none
    uint32_t unused;
};

/// A bound, non-blocking UDP socket with everything that batches need. Descriptor or -errno.
int cesp_udp_open(const struct cesp_endpoint *at, int buffer_bytes);
/// The path MTU that the kernel knows towards an endpoint; 0 when it knows none.
int cesp_path_mtu(const struct cesp_endpoint *to);
/// One sendmsg(2); with a `segment` less than `length` the kernel cuts it (UDP_SEGMENT). `traffic_class` goes into the outer header. Bytes sent or -errno.
long cesp_send(int fd, const struct cesp_endpoint *to, const void *bytes, size_t length, unsigned segment, unsigned traffic_class);

#define CESP_MESSAGES 64
#define CESP_MESSAGE_BYTES 65536
#define CESP_HEADROOM 64

/// A datagram that was received, or several of one sender that the kernel has joined: all but the last have `segment` bytes.
struct cesp_message {
    uint32_t length;
    uint32_t segment;
    struct cesp_endpoint from;
    uint32_t dropped;       // by the socket's queue, since it was opened
    uint16_t truncated;
    uint16_t traffic_class; // of the outer header
};

/// Room for CESP_MESSAGES datagrams, each with CESP_HEADROOM bytes before it. NULL without memory.
struct cesp_ring *cesp_ring_new(void);
void cesp_ring_free(struct cesp_ring *ring);
void *cesp_ring_bytes(struct cesp_ring *ring, int index);
/// Takes what is there, up to CESP_MESSAGES; -EAGAIN when there is nothing, -errno otherwise.
int cesp_ring_receive(struct cesp_ring *ring, int fd, struct cesp_message *messages);

long cesp_read(int fd, void *bytes, size_t length);                 // bytes or -errno
long cesp_writev(int fd, const struct iovec *vectors, int count);   // bytes or -errno

// MARK: Cipher

/// AES-GCM as ESP uses it (RFC 4106), with extended sequence numbers; for one direction and one thread. NULL when the library refuses.
struct cesp_cipher *cesp_cipher_new(const uint8_t *key, size_t length, const uint8_t *salt, int seals);
void cesp_cipher_free(struct cesp_cipher *cipher);
/// Seals `count` bytes from `from` into the packet, which begins with SPI, sequence number and IV; after them come 16 bytes of ICV. 1 when it has.
int cesp_seal(struct cesp_cipher *cipher, void *packet, const void *from, size_t count, uint32_t sequence_high);
/// Opens the packet's `count` encrypted bytes where they are. 1 when the ICV is right; the bytes mean nothing otherwise.
int cesp_open(struct cesp_cipher *cipher, void *packet, size_t count, uint32_t sequence_high);
/// The library that ciphers are made with; never freed.
const char *cesp_cipher_library(void);
/// SHA-256.
int cesp_digest(const void *bytes, size_t length, uint8_t digest[32]);

// MARK: Small things

/// The sum of the 32-bit words and what is left, in the order in which they are in memory; not folded. At least 16-bit aligned within the checksum.
uint64_t cesp_sum(const void *bytes, size_t length, uint64_t sum);
/// The next number of a counter that other threads and processes may have mapped: taken before it is returned.
static inline uint64_t cesp_take(uint64_t *counter) { return __atomic_add_fetch(counter, 1, __ATOMIC_RELAXED); }
static inline uint64_t cesp_load(const uint64_t *counter) { return __atomic_load_n(counter, __ATOMIC_RELAXED); }
static inline void cesp_store(uint64_t *counter, uint64_t value) { __atomic_store_n(counter, value, __ATOMIC_RELAXED); }
/// Seconds since some moment; coarse, and cheap.
uint64_t cesp_seconds(void);
/// eventfd(2), non-blocking and close-on-exec; -1 and errno.
int cesp_event(void);
/// A shared mapping of a file's part; NULL and errno.
void *cesp_map(int fd, size_t offset, size_t length);
/// Waits for readable descriptors of an epoll, at most so many milliseconds (-1: for ever). `hung` tells those of which an error or an end is known.
int cesp_epoll_wait(int epoll, uint64_t *tokens, uint8_t *hung, int most, int milliseconds);
void cesp_name_thread(const char *name);
/// No core dump and no tracing of this process: it holds keys (prctl(2), PR_SET_DUMPABLE).
int cesp_hide(void);
