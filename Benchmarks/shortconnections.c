// Short TCP connections, one after another: a server that greets and closes, and a client that measures.
//
//     shortconnections serve PORT
//     shortconnections call ADDRESS PORT COUNT      prints the tenth percentile of the time of one, in microseconds
//
// A connection is opened, sends one line, reads until the other side closes. The tenth percentile is what other work on the
// machine disturbs least.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char line[] = "hello\n";

static int serve(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&name, sizeof name) || listen(listener, 1024)) { perror("listen"); return 1; }
    for (;;) {
        int caller = accept(listener, NULL, NULL);
        if (caller < 0) continue;
        char asked[64];
        if (read(caller, asked, sizeof asked) > 0 && write(caller, line, sizeof line - 1) < 0) perror("write");
        close(caller);
    }
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static int by_size(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static int call(const char *address, int port, int count) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
    double *times = calloc(count > 0 ? count : 1, sizeof *times);
    int good = 0;
    if (!times || inet_pton(AF_INET, address, &name.sin_addr) != 1) return 2;
    for (int number = 0; number < count; number++) {
        char answer[64];
        ssize_t size, total = 0;
        double start = now();
        int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(server, (struct sockaddr *)&name, sizeof name) == 0 && write(server, line, sizeof line - 1) > 0)
            while ((size = read(server, answer, sizeof answer)) > 0) total += size;
        double took = now() - start;
        close(server);
        if (total == sizeof line - 1) times[good++] = took;
    }
    if (good < count * 9 / 10 || good == 0) { fprintf(stderr, "%d of %d connections failed\n", count - good, count); return 1; }
    qsort(times, good, sizeof *times, by_size);
    printf("%.1f\n", times[good / 10]);
    return 0;
}

int main(int count, char **words) {
    if (count == 3 && !strcmp(words[1], "serve")) return serve(atoi(words[2]));
    if (count == 5 && !strcmp(words[1], "call")) return call(words[2], atoi(words[3]), atoi(words[4]));
    fprintf(stderr, "usage: %s serve PORT | call ADDRESS PORT COUNT\n", words[0]);
    return 2;
}
