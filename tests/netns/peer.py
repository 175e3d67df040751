#!/usr/bin/python3 -SE
# SPDX-License-Identifier: GPL-2.0-or-later
"""Ports that are taken and raw frames for the tests of NAT and filters; talk.c has servers and clients.
Only modules of python3-minimal.

usage: peer.py hold PROTO PORT [ADDRESS [COMMAND...]]
           binds (and listens), prints "ready"; then waits, or becomes the command
       peer.py sink PORT
           takes what is sent and says when it has everything; "ready" when it listens
       peer.py flood ADDRESS PORT BYTES [SOURCE]
           sends them to a sink and prints how many milliseconds it took, at most $T seconds (default 10)
       peer.py send KIND... INTERFACE=eth0 [NAME=VALUE...]
           frames of these kinds (see FRAMES), each with its kind as marker
       peer.py watch INTERFACE                 prints the markers it sees until "end", at most 5 s
"""
import os
import socket
import struct
import sys
import time

TYPES = {"tcp": (socket.SOCK_STREAM, 6), "udp": (socket.SOCK_DGRAM, 17), "sctp": (socket.SOCK_STREAM, 132)}
MARK = b"hawser-mark:"


def bound(proto, port, address):
    family = socket.AF_INET if "." in address else socket.AF_INET6
    s = socket.socket(family, *TYPES[proto])
    if proto != "udp":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind((address, port))
    if proto != "udp":
        s.listen(128)
    return s


def hold(proto, port, address="0.0.0.0", *command):
    s = bound(proto, int(port), address)
    os.set_inheritable(s.fileno(), True)
    print("ready", flush=True)
    if command:
        os.execv(command[0], command)
    time.sleep(300)


def sink(port):
    s = bound("tcp", int(port), "::")
    print("ready", flush=True)
    while True:
        c, _ = s.accept()
        while c.recv(65536):
            pass
        c.sendall(b"all")
        c.close()


def flood(address, port, size, source=""):
    s = socket.socket(socket.AF_INET if "." in address else socket.AF_INET6, socket.SOCK_STREAM)
    s.settimeout(float(os.environ.get("T", "10")))
    if source:
        s.bind((source, 0))
    s.connect((address, int(port)))
    start = time.monotonic()
    s.sendall(bytes(int(size)))
    s.shutdown(socket.SHUT_WR)
    if s.recv(16) != b"all":
        sys.exit("the sink has not got everything")
    print(int((time.monotonic() - start) * 1000) + 1)


# ---- frames ----

def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def ip(text):
    return socket.inet_pton(socket.AF_INET if "." in text else socket.AF_INET6, text)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ethernet(src, dst, kind, body):
    return mac(dst) + mac(src) + struct.pack("!H", kind) + body


def multicast_mac(dst):
    return "33:33:" + ":".join(f"{b:02x}" for b in ip(dst)[12:])


def arp(mark, src, sha, spa, tpa, op):
    body = struct.pack("!HHBBH", 1, 0x800, 6, 4, op) + mac(sha) + ip(spa) + b"\0" * 6 + ip(tpa)
    return ethernet(src, "ff:ff:ff:ff:ff:ff", 0x806, body + mark)


def udp(mark, src_mac, src, dst, sport, dport, dst_mac="ff:ff:ff:ff:ff:ff", tag=b""):
    v4 = "." in src
    body = struct.pack("!HHHH", sport, dport, 8 + len(mark), 0) + mark
    pseudo = ip(src) + ip(dst) + (struct.pack("!BBH", 0, 17, len(body)) if v4 else
                                  struct.pack("!IxxxB", len(body), 17))
    body = body[:6] + struct.pack("!H", checksum(pseudo + body) or 0xffff) + body[8:]
    if v4:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, 17, 0) + ip(src) + ip(dst)
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    else:
        head = struct.pack("!IHBB", 6 << 28, len(body), 17, 64) + ip(src) + ip(dst)
        dst_mac = multicast_mac(dst) if dst.startswith("ff") else dst_mac
    packet = tag + struct.pack("!H", 0x800 if v4 else 0x86dd) + head + body
    return mac(dst_mac) + mac(src_mac) + packet


def icmp6(mark, src_mac, src, dst, kind, rest, extension=b""):
    option = (mark + b"\0" * 30)[:30]
    body = struct.pack("!BBH", kind, 0, 0) + rest + struct.pack("!BB", 253, 4) + option
    pseudo = ip(src) + ip(dst) + struct.pack("!IxxxB", len(body), 58)
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    if extension:
        body = struct.pack("!BB", 58, 0) + b"\x01\x04\0\0\0\0" + body
    head = struct.pack("!IHBB", 6 << 28, len(body), 60 if extension else 58, 255) + ip(src) + ip(dst)
    return ethernet(src_mac, multicast_mac(dst), 0x86dd, head + body)


ROUTER = struct.pack("!BBHII", 64, 0, 1800, 0, 0)

# m: mark, then what the command line gives: the container's own mac, ip4, ip6, ll; the lie's bad...
FRAMES = {
    "end": lambda m, v: udp(m, v["mac"], v["ip4"], "255.255.255.255", 4000, 4000),
    # honest
    "udp4": lambda m, v: udp(m, v["mac"], v["ip4"], "255.255.255.255", 4000, 4000),
    "udp6": lambda m, v: udp(m, v["mac"], v["ip6"], "ff02::1", 4000, 4000),
    "arp": lambda m, v: arp(m, v["mac"], v["mac"], v["ip4"], v["ip4"], 2),
    "arp-probe": lambda m, v: arp(m, v["mac"], v["mac"], "0.0.0.0", v["ip4"], 1),
    "dhcp-client": lambda m, v: udp(m, v["mac"], "0.0.0.0", "255.255.255.255", 68, 67),
    "dhcp6-client": lambda m, v: udp(m, v["mac"], v["ll"], "ff02::1:2", 546, 547),
    "dad": lambda m, v: icmp6(m, v["mac"], "::", "ff02::1:ff00:2", 135, b"\0" * 4 + ip(v["ip6"])),
    "mld": lambda m, v: icmp6(m, v["mac"], "::", "ff02::16", 143, b"\0" * 4),
    "rs": lambda m, v: icmp6(m, v["mac"], v["ll"], "ff02::2", 133, b"\0" * 4),
    "na": lambda m, v: icmp6(m, v["mac"], v["ip6"], "ff02::1", 136, b"\x20\0\0\0" + ip(v["ip6"])),
    # lies
    "bad-mac": lambda m, v: udp(m, v["badmac"], v["ip4"], "255.255.255.255", 4000, 4000),
    "bad-mac-arp": lambda m, v: arp(m, v["badmac"], v["badmac"], v["ip4"], v["ip4"], 2),
    "bad-arp-mac": lambda m, v: arp(m, v["mac"], v["badmac"], v["ip4"], v["ip4"], 2),
    "bad-arp-ip": lambda m, v: arp(m, v["mac"], v["mac"], v["bad4"], v["bad4"], 2),
    "bad-arp-request": lambda m, v: arp(m, v["mac"], v["mac"], v["bad4"], v["ip4"], 1),
    "bad-udp4": lambda m, v: udp(m, v["mac"], v["bad4"], "255.255.255.255", 4000, 4000),
    "bad-udp6": lambda m, v: udp(m, v["mac"], v["bad6"], "ff02::1", 4000, 4000),
    "bad-any4": lambda m, v: icmp4(m, v["mac"], "0.0.0.0"),
    "bad-udp-any6": lambda m, v: udp(m, v["mac"], "::", "ff02::1", 4000, 4000),
    "bad-dhcp-server": lambda m, v: udp(m, v["mac"], v["ip4"], "255.255.255.255", 67, 68),
    "bad-dhcp-server-any": lambda m, v: udp(m, v["mac"], "0.0.0.0", "255.255.255.255", 67, 68),
    "bad-dhcp6-server": lambda m, v: udp(m, v["mac"], v["ll"], "ff02::1", 547, 546),
    "bad-ra": lambda m, v: icmp6(m, v["mac"], v["ll"], "ff02::1", 134, ROUTER),
    "bad-ra-ext": lambda m, v: icmp6(m, v["mac"], v["ll"], "ff02::1", 134, ROUTER, b"x"),
    "bad-na": lambda m, v: icmp6(m, v["mac"], v["ip6"], "ff02::1", 136, b"\x20\0\0\0" + ip(v["bad6"])),
    "bad-na-ll": lambda m, v: icmp6(m, v["mac"], v["ll"], "ff02::1", 136, b"\x20\0\0\0" + ip(v["bad6"])),
    "bad-na-ext": lambda m, v: icmp6(m, v["mac"], v["ll"], "ff02::1", 136, b"\x20\0\0\0" + ip(v["bad6"]), b"x"),
    "bad-ns": lambda m, v: icmp6(m, v["mac"], v["bad6"], "ff02::1", 135, b"\0" * 4 + ip(v["ip6"])),
    "bad-tagged": lambda m, v: udp(m, v["mac"], v["bad4"], "255.255.255.255", 4000, 4000, tag=b"\x81\0\0\x05"),
    "bad-tagged-ad": lambda m, v: udp(m, v["mac"], v["bad4"], "255.255.255.255", 4000, 4000, tag=b"\x88\xa8\0\x05"),
    "bad-tag0": lambda m, v: udp(m, v["mac"], v["bad4"], "255.255.255.255", 4000, 4000, tag=b"\x81\0\0\0"),
    # a datagram to one place. usage: NAME=VALUE src, dst, dstmac, sport, dport
    "to": lambda m, v: udp(m, v["mac"], v["src"], v["dst"], int(v.get("sport", 4000)), int(v["dport"]), v["dstmac"]),
}


def icmp4(mark, src_mac, src):
    body = struct.pack("!BBHHH", 8, 0, 0, 1, 1) + mark
    body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, 1, 0) + ip(src) + ip("255.255.255.255")
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return ethernet(src_mac, "ff:ff:ff:ff:ff:ff", 0x800, head + body)


def send(*words):
    values = dict(w.split("=", 1) for w in words if "=" in w)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((values.get("INTERFACE", "eth0"), 0))
    for kind in words:
        if "=" not in kind:
            s.send(FRAMES[kind](MARK + kind.encode() + b";", values))


def watch(interface):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((interface, 0))
    print("ready", flush=True)
    deadline = time.monotonic() + 5
    while True:
        s.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            frame = s.recv(4096)
        except OSError:
            sys.exit("no end seen")
        at = frame.find(MARK)
        if at < 0:
            continue
        kind = frame[at + len(MARK):].split(b";")[0].decode()
        if kind == "end":
            return
        print(kind, flush=True)


if __name__ == "__main__":
    {"hold": hold, "sink": sink, "flood": flood, "send": send, "watch": watch}[sys.argv[1]](*sys.argv[2:])
