"""Echoes on port 7, UDP and TCP: host name and the sender's address as seen here, then what was sent."""

import selectors
import signal
import socket
import struct
import sys

PORT = 7
if not hasattr(socket, "IP_PKTINFO"):
    socket.IP_PKTINFO = 8  # linux/in.h; Python names it from 3.14 on.
LARGEST = 65536


def answer(peer, data):
    return f"{socket.gethostname()} {peer[0]}:{peer[1]} ".encode() + data


def datagram(server):
    # The answer leaves from the address that was asked, whichever of this host's it is.
    data, control, _, peer = server.recvmsg(LARGEST, 64)
    control = [(socket.IPPROTO_IP, socket.IP_PKTINFO, struct.pack("=I4s4s", 0, value[4:8], bytes(4)))
               for level, kind, value in control if (level, kind) == (socket.IPPROTO_IP, socket.IP_PKTINFO)]
    print(f"udp {peer[0]}:{peer[1]} {len(data)}", flush=True)
    try:
        server.sendmsg([answer(peer, data)], control, 0, peer)
    except OSError as failure:
        print(f"udp {peer[0]}:{peer[1]}: {failure}", file=sys.stderr, flush=True)


def stream(connection, peer, selector):
    try:
        data = connection.recv(LARGEST)
        if data:
            connection.sendall(answer(peer, data))
            return
    except OSError as failure:
        print(f"tcp {peer[0]}:{peer[1]}: {failure}", file=sys.stderr, flush=True)
    selector.unregister(connection)
    connection.close()


def accept(server, selector):
    connection, peer = server.accept()
    connection.settimeout(10)
    print(f"tcp {peer[0]}:{peer[1]}", flush=True)
    selector.register(connection, selectors.EVENT_READ, lambda: stream(connection, peer, selector))


def main():
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    selector = selectors.DefaultSelector()
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.IPPROTO_IP, socket.IP_PKTINFO, 1)
    udp.bind(("", PORT))
    selector.register(udp, selectors.EVENT_READ, lambda: datagram(udp))
    tcp = socket.create_server(("", PORT))
    selector.register(tcp, selectors.EVENT_READ, lambda: accept(tcp, selector))
    while True:
        for key, _ in selector.select():
            key.data()


main()
