// Requests over TCP while what serves them is replaced: a server that ends as a well-behaved one does, and a client that counts what fails.
//
//     requests serve PORT
//     requests call ADDRESS[,ADDRESS...] PORT RATE KEPT      until standard input ends; prints one JSON object
//
// The server speaks as much of HTTP/1.1 as this client and curl need, over IPv4 and IPv6. Told to end by SIGTERM it answers what is asked, each answer with
// `Connection: close`, and ends when nobody is left and nobody has come for a second, after eight seconds at the latest.
//
// The client opens RATE new connections a second, to the addresses in turn, each with one request after which the server closes; and it holds KEPT
// connections that send one each second. One of these that is told `Connection: close` in an answer is opened anew, which is no failure; one that ends
// otherwise, or an answer that is not whole within five seconds, is one.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 16384, TEXT = 512, EVENTS = 512, PLACES = 64, REASONS = 32 };
enum state { FREE, CONNECTING, WAITING, IDLE };

struct connection {
    enum state state;
    int descriptor, length, closes;
    double began;  // of a request that is under way; of one that is idle: when the next is due
    char text[TEXT];
};

static struct connection connections[MOST];
static int poller;
static volatile sig_atomic_t is_ending;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void watch(int operation, int descriptor, unsigned events, unsigned long number) {
    struct epoll_event event = {.events = events, .data.u64 = number};
    if (epoll_ctl(poller, operation, descriptor, &event)) { perror("epoll_ctl"); exit(1); }
}

// Reads what there is behind what is there already. 1: more may come; 0: the other side has closed; -1: an error, which is in errno.
static int more(struct connection *one) {
    for (;;) {
        int room = TEXT - 1 - one->length;
        if (room <= 0) { errno = EMSGSIZE; return -1; }
        ssize_t size = read(one->descriptor, one->text + one->length, room);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return errno == EAGAIN ? 1 : -1;
        if (size == 0) return 0;
        one->length += size;
        one->text[one->length] = 0;
    }
}

// MARK: the server

static void end(int signal) { (void)signal; is_ending = 1; }

static int listener(int port) {
    int six = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), yes = 1, no = 0;
    struct sockaddr_in6 name6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
    struct sockaddr_in name4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (six >= 0) {
        setsockopt(six, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        setsockopt(six, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
        if (!bind(six, (struct sockaddr *)&name6, sizeof name6) && !listen(six, 4096)) return six;
        close(six);
    }
    int four = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(four, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(four, (struct sockaddr *)&name4, sizeof name4) || listen(four, 4096)) { perror("listen"); exit(1); }
    return four;
}

// Whether the connection stays.
static int served(struct connection *one) {
    if (more(one) < 1) return 0;
    if (!strstr(one->text, "\r\n\r\n")) return 1;
    int closes = is_ending || strstr(one->text, "Connection: close") != NULL;
    char answer[128];
    int size = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: %s\r\n\r\nok\n", closes ? "close" : "keep-alive");
    one->length = 0;
    one->text[0] = 0;
    return write(one->descriptor, answer, size) == size && !closes;
}

static int serve(int port) {
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    int door = listener(port), open = 0;
    double told = 0, came = now();
    watch(EPOLL_CTL_ADD, door, EPOLLIN, MOST);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(poller, events, EVENTS, 100);
        double time = now();
        for (int number = 0; number < count; number++) {
            unsigned long place = events[number].data.u64;
            if (place < MOST) {
                struct connection *one = &connections[place];
                if (one->state == FREE || served(one)) continue;
                close(one->descriptor);
                one->state = FREE;
                open--;
                continue;
            }
            int caller;
            while ((caller = accept4(door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
                came = time;
                if (caller >= MOST) { close(caller); continue; }
                connections[caller] = (struct connection){.state = WAITING, .descriptor = caller};
                watch(EPOLL_CTL_ADD, caller, EPOLLIN, caller);
                open++;
            }
        }
        if (is_ending && told == 0) told = time;
        if (told > 0 && ((open == 0 && time - came > 1 && time - told > 1) || time - told > 8)) return 0;
    }
}

// MARK: the client

struct place { struct sockaddr_storage name; socklen_t size; };

static struct place places[PLACES];
static int place_count;
static double start;
static long begun, answered, reopened, under_way;
static double longest;
static struct { const char *when, *what; long count; double first; } reasons[REASONS];

static void failed(const char *when, const char *what) {
    for (int number = 0; number < REASONS; number++) {
        if (reasons[number].count && (strcmp(reasons[number].when, when) || strcmp(reasons[number].what, what)) && number < REASONS - 1) continue;
        if (!reasons[number].count) { reasons[number].when = when; reasons[number].what = what; reasons[number].first = now() - start; }
        reasons[number].count++;
        return;
    }
}

static void finish(struct connection *one) {
    close(one->descriptor);
    if (one->state != IDLE) under_way--;
    one->state = FREE;
}

static void open_connection(struct connection *one, int closes) {
    static unsigned long turn;
    const struct place *place = &places[turn++ % place_count];
    int descriptor = socket(place->name.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    begun++;
    if (descriptor < 0) { failed("socket", strerrordesc_np(errno)); return; }
    if (connect(descriptor, (const struct sockaddr *)&place->name, place->size) && errno != EINPROGRESS) {
        failed("connect", strerrordesc_np(errno));
        close(descriptor);
        return;
    }
    one->state = CONNECTING;
    one->descriptor = descriptor;
    one->length = 0;
    one->text[0] = 0;
    one->closes = closes;
    one->began = now();
    under_way++;
    watch(EPOLL_CTL_ADD, descriptor, EPOLLOUT, one - connections);
}

static void ask(struct connection *one) {
    static const char kept[] = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n", closing[] = "GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
    const char *text = one->closes ? closing : kept;
    ssize_t size = strlen(text);
    one->state = WAITING;
    if (write(one->descriptor, text, size) == size) return;
    failed("send", strerrordesc_np(errno));
    finish(one);
}

static void heard(struct connection *one) {
    if (one->state == CONNECTING) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(one->descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) { failed("connect", strerrordesc_np(error)); finish(one); return; }
        watch(EPOLL_CTL_MOD, one->descriptor, EPOLLIN, one - connections);
        ask(one);
        return;
    }
    int state = more(one), error = errno;
    if (one->state == IDLE) {
        // Without having said so in an answer.
        failed("kept", state < 0 ? strerrordesc_np(error) : state ? "an answer that nobody has asked for" : "closed");
        finish(one);
        return;
    }
    const char *body = strstr(one->text, "\r\n\r\n");
    int is_whole = !strncmp(one->text, "HTTP/1.1 200 ", 13) && body && !strcmp(body + 4, "ok\n");
    // Who asked for the end of the connection waits for it, as that is a part of it; an answer that was whole was whole.
    if (state == 1 && (one->closes || !is_whole)) return;
    if (!is_whole) { failed("answer", state < 0 ? strerrordesc_np(error) : "not whole"); finish(one); return; }
    double took = now() - one->began;
    if (took > longest) longest = took;
    answered++;
    if (one->closes) { finish(one); return; }
    if (state != 1 || strstr(one->text, "Connection: close")) { reopened++; finish(one); return; }
    one->state = IDLE;
    one->began += 1;
    under_way--;
    one->length = 0;
    one->text[0] = 0;
}

static void print_counts(double took) {
    long count = 0;
    for (int number = 0; number < REASONS; number++) count += reasons[number].count;
    printf("{\"begun\": %ld, \"answered\": %ld, \"reopened\": %ld, \"failed\": %ld, \"longest\": %.3f, \"seconds\": %.1f, \"reasons\": [",
           begun, answered, reopened, count, longest, took);
    for (int number = 0; number < REASONS && reasons[number].count; number++)
        printf("%s\"%s: %s, %ld times, first after %.1f s\"", number ? ", " : "", reasons[number].when, reasons[number].what, reasons[number].count, reasons[number].first);
    printf("]}\n");
}

// Asks where it is due and opens anew what is to be kept, both in the first places, and gives up what has taken too long.
static void look_after(int kept, int most, double time, int is_over) {
    for (int number = 0; number < most; number++) {
        struct connection *one = &connections[number];
        if (one->state == FREE && number < kept && !is_over && time - start > (double)number / kept) open_connection(one, 0);
        if (one->state == IDLE && !is_over && time >= one->began) { one->began = time; begun++; under_way++; ask(one); }
        if ((one->state == CONNECTING || one->state == WAITING) && time - one->began > 5) {
            failed(one->state == CONNECTING ? "connect" : "answer", "not within five seconds");
            finish(one);
        }
    }
}

static int call(double rate, int kept) {
    double issued = 0, looked = 0, looked_at_all = 0, over = 0;
    int next = kept;
    start = now();
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(poller, events, EVENTS, 1);
        for (int number = 0; number < count; number++) {
            struct connection *one = &connections[events[number].data.u64];
            if (one->state != FREE) heard(one);
        }
        double time = now();
        struct pollfd input = {.fd = 0, .events = POLLIN};
        if (!over && poll(&input, 1, 0) > 0) over = time;
        // What could not be sent in time is left out: a burst is another load than the one that is asked for.
        if ((time - start) * rate - issued > rate / 5 + 1) issued = (time - start) * rate - 1;
        for (; !over && issued < (time - start) * rate; issued++) {
            int tries = MOST - kept;
            while (connections[next].state != FREE && --tries > 0) next = next + 1 < MOST ? next + 1 : kept;
            if (connections[next].state == FREE) open_connection(&connections[next], 1);
            next = next + 1 < MOST ? next + 1 : kept;
        }
        if (time - looked_at_all > 0.25) {
            look_after(kept, MOST, time, over > 0);
            looked_at_all = looked = time;
        } else if (time - looked > 0.02) {
            look_after(kept, kept, time, over > 0);
            looked = time;
        }
        if (over > 0 && under_way == 0) { print_counts(over - start); return 0; }
    }
}

static int prepare(char *addresses, int port) {
    for (char *rest = addresses, *address; (address = strsep(&rest, ",")) && place_count < PLACES; place_count++) {
        struct sockaddr_in *four = (struct sockaddr_in *)&places[place_count].name;
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)&places[place_count].name;
        if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
            four->sin_family = AF_INET;
            four->sin_port = htons(port);
            places[place_count].size = sizeof *four;
        } else if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1) {
            six->sin6_family = AF_INET6;
            six->sin6_port = htons(port);
            places[place_count].size = sizeof *six;
        } else {
            return 0;
        }
    }
    return place_count > 0;
}

int main(int count, char **words) {
    struct rlimit limit;
    if (!getrlimit(RLIMIT_NOFILE, &limit)) { limit.rlim_cur = limit.rlim_max; setrlimit(RLIMIT_NOFILE, &limit); }
    signal(SIGPIPE, SIG_IGN);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0) { perror("epoll_create1"); return 1; }
    if (count == 3 && !strcmp(words[1], "serve")) return serve(atoi(words[2]));
    if (count == 6 && !strcmp(words[1], "call") && atoi(words[5]) >= 0 && atoi(words[5]) < MOST && prepare(words[2], atoi(words[3])))
        return call(atof(words[4]), atoi(words[5]));
    fprintf(stderr, "usage: %s serve PORT | call ADDRESS[,ADDRESS...] PORT RATE KEPT\n", words[0]);
    return 2;
}
