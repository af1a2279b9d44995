#!/usr/bin/env python3
"""The table of allowed includes: which layer may see which, and which folder owns which foreign library.

Arrows point down only (dcmf/README.md has the picture). tests/ and tools/ are exempt.
Usage: includes.py SOURCE_ROOT
"""
import pathlib
import re
import sys

# layer: the layers whose headers it may include besides its own
LAYERS = {
    "dcmf/base": [],
    "dtls": ["dcmf/base"],
    "sctp": ["dcmf/base"],
    "dcmf/ice": ["dcmf/base"],
    "dcmf/http": ["dcmf/base"],
    "dcmf/relay": ["dcmf/base", "dtls", "sctp", "dcmf/ice", "dcmf/http"],
    "dcmf/io": ["dcmf/base"],
    "control": ["dcmf/base", "dtls", "sctp", "dcmf/ice", "dcmf/http", "dcmf/relay", "dcmf/io"],
    "dcmf/config": ["dcmf/base", "dcmf/http", "control"],
    "dcmf/front": ["dcmf/base", "dtls", "dcmf/http", "dcmf/io", "control", "dcmf/config"],
    "dcmf/worker": ["dcmf/base", "dtls", "sctp", "dcmf/ice", "dcmf/http", "dcmf/relay", "dcmf/io", "control", "dcmf/config"],
    "dcmf": ["dcmf/base", "dcmf/io", "control", "dcmf/config", "dcmf/front", "dcmf/worker"],
}

# start of a foreign header's name: the one layer that may include it
FOREIGN = {
    "uthash": "dcmf/base",
    "openssl/": "dtls",
    "srtp2/": "dtls",
    "usrsctp": "sctp",
    "nice/": "dcmf/ice",
    "stun/": "dcmf/ice",
    "http_parser": "dcmf/http",
    "event": "dcmf/io",
    "curl/": "dcmf/io",
    "jansson": "control",
    "nghttp2/": "dcmf/io",
    "jwt": "control",
    "yaml": "dcmf/config",
    "seccomp": "dcmf/worker",
}

LIBC = re.compile(
    r"^((assert|ctype|dirent|endian|errno|fcntl|grp|getopt|ifaddrs|inttypes|limits|malloc|math|netdb|poll|pwd|sched|setjmp|signal|"
    r"stdarg|stdbool|stddef|stdint|stdio|stdlib|string|strings|syslog|termios|threads|time|unistd|nmmintrin|"
    r"immintrin|arm_acle|cpuid)\.h|(arpa|linux|net|netinet|sys)/.*)$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def layer_of(path: str) -> str | None:
    """The nearest folder upwards that is a layer: a layer may have folders of its own."""
    return next((p.as_posix() for p in pathlib.PurePosixPath(path).parents if p.as_posix() in LAYERS), None)


def faults_of(root: pathlib.Path, source: pathlib.Path) -> list[str]:
    name = source.relative_to(root).as_posix()
    layer = layer_of(name)
    found = []
    for kind, header in INCLUDE.findall(source.read_text()):
        if kind == '"':
            other = layer_of(header)
            if other is None or not (root / header).exists():
                found.append(f'{name}: "{header}" is no header of a layer, named from the root')
            elif other != layer and other not in LAYERS[layer]:
                found.append(f'{name}: {layer} must not see {other} ("{header}")')
            continue
        owner = next((o for start, o in FOREIGN.items() if header.startswith(start)), None)
        if owner is None and not LIBC.match(header):
            found.append(f"{name}: <{header}> is in no table: give the library an owner")
        elif owner is not None and owner != layer:
            found.append(f"{name}: <{header}> belongs to {owner}")
    return found


def main() -> int:
    root = pathlib.Path(sys.argv[1]).resolve()
    sources = sorted({s for layer in LAYERS for s in (root / layer).rglob("*.[ch]")})
    faults = [f for s in sources for f in faults_of(root, s)]
    for fault in faults:
        print(fault)
    print(f"{len(sources)} files, {len(faults)} forbidden includes")
    return 1 if faults or len(sources) < 50 else 0


if __name__ == "__main__":
    sys.exit(main())
