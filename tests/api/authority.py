"""authority.py: a certificate authority made with the openssl command, for tests of TLS."""
import os
import subprocess

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


class Authority:
    """A certificate authority in a folder; certificates are NAME.pem with NAME.key beside it."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.openssl("req", "-x509", *KEY, "-days", "2", "-subj", "/CN=" + name, "-keyout", self.path(name, "key"),
                     "-out", self.path(name))

    def path(self, name, kind="pem"):
        return os.path.join(self.folder, name + "." + kind)

    def openssl(self, *words):
        subprocess.run(["openssl", *words], check=True, capture_output=True)

    def issue(self, name, alternatives, days=2):
        """`days` below 0: it is too old already."""
        request = self.path(name, "csr")
        self.openssl("req", *KEY, "-subj", "/CN=" + name, "-addext", "subjectAltName=" + alternatives,
                     "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", self.path(name, "key"), "-out", request)
        self.openssl("x509", "-req", "-in", request, "-CA", self.path(self.name), "-CAkey", self.path(self.name, "key"),
                     "-days", str(days), "-copy_extensions", "copyall", "-out", self.path(name))
        os.unlink(request)
