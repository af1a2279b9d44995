#!/usr/bin/env python3
"""Packs the files of an application into a zip that comes out the same every time: pack.py OUT FILE..."""

import os
import sys
import zipfile

DATE = (2024, 1, 1, 0, 0, 0)


def pack(out, files):
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(files, key=os.path.basename):
            info = zipfile.ZipInfo(os.path.basename(path), DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            info.external_attr = 0o644 << 16
            with open(path, "rb") as file:
                archive.writestr(info, file.read(), compresslevel=9)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    pack(sys.argv[1], sys.argv[2:])
