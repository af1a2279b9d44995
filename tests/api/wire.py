"""wire.py: datagrams that a phone might send, and what an attacker makes of them. Standard library only."""
import hashlib
import hmac
import struct
import zlib

MAGIC = 0x2112A442
CLIENT_HELLO, HELLO_VERIFY_REQUEST = 1, 3
HANDSHAKE = 22


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def stun_check(user, password, transaction, fingerprint=True):
    """A connectivity check (RFC 8445 7.2.5), signed with `password`; `transaction`: 12 bytes."""
    body = attribute(0x0006, user.encode()) + attribute(0x0024, struct.pack("!I", 1)) + attribute(0x802A, bytes(8))

    def head(length):
        return struct.pack("!HHI", 1, length, MAGIC) + transaction

    mac = hmac.new(password.encode(), head(len(body) + 24) + body, hashlib.sha1).digest()
    body += attribute(0x0008, mac)
    if fingerprint:
        crc = zlib.crc32(head(len(body) + 8) + body) ^ 0x5354554E
        body += attribute(0x8028, struct.pack("!I", crc))
    return head(len(body)) + body


def record(body, kind=HANDSHAKE, epoch=0, seq=0, length=None, version=0xFEFF):
    return struct.pack("!BHHHIH", kind, version, epoch, seq >> 32, seq & 0xFFFFFFFF,
                       len(body) if length is None else length) + body


def fragment(body, kind=CLIENT_HELLO, length=None, message=0, offset=0, claimed=None):
    """A piece of a handshake message; `length` of the whole, `claimed` of the piece."""
    def u24(n):
        return struct.pack("!I", n & 0xFFFFFF)[1:]
    return (bytes([kind]) + u24(len(body) if length is None else length) + struct.pack("!H", message) + u24(offset) +
            u24(len(body) if claimed is None else claimed) + body)


def hello_body(random, cookie=b""):
    """What a ClientHello says: one suite, P-256, ECDSA with SHA-256; `random`: 32 bytes."""
    extensions = (struct.pack("!HHHH", 10, 4, 2, 23) + struct.pack("!HHBB", 11, 2, 1, 0) +
                  struct.pack("!HHHH", 13, 4, 2, 0x0403) + struct.pack("!HH", 23, 0))
    return (struct.pack("!H", 0xFEFD) + random + b"\0" + bytes([len(cookie)]) + cookie + struct.pack("!HH", 2, 0xC02B) +
            b"\1\0" + struct.pack("!H", len(extensions)) + extensions)


def hello(random, cookie=b"", message=0, seq=0):
    return record(fragment(hello_body(random, cookie), message=message), seq=seq)


def cookie_of(reply):
    """Of a HelloVerifyRequest; None when the datagram is something else."""
    if len(reply) < 28 or reply[0] != HANDSHAKE or reply[13] != HELLO_VERIFY_REQUEST:
        return None
    return reply[28:28 + reply[27]]


def flipped(datagram, rng):
    """With one bit the other way."""
    at = rng.randrange(len(datagram) * 8)
    changed = bytearray(datagram)
    changed[at // 8] ^= 1 << at % 8
    return bytes(changed)
