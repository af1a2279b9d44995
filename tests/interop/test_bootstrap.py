"""A phone that none of us wrote fetches the application list and a 5 MiB package through the running gateway.

    UE namespace                     gateway namespace
    Chromium or aiortc ── veth ── dcmf ── loopback ── dcmf-dcsf

Both DTLS roles, channels agreed in advance and opened by DCEP, ICE throughout.
Usage: test_bootstrap.py aiortc|chromium BUILD_FOLDER
"""
import importlib.util
import pathlib
import sys
import unittest
import zlib

from lab import Lab, skip

HERE = pathlib.Path(__file__).parent
PEER = sys.argv[1]
BUILD = sys.argv[2]


def check_peer():
    if PEER == "aiortc" and importlib.util.find_spec("aiortc") is None:
        skip("python3-aiortc is not installed")
    if PEER == "chromium" and not (pathlib.Path("/usr/bin/chromedriver").exists() and importlib.util.find_spec("selenium")):
        skip("chromium-driver or python3-selenium is not installed")


class Bootstrap(unittest.TestCase):
    def fetch(self, setup: str, how: str):
        lab = self.lab
        try:
            control = lab.gateway(setup)
            result = lab.in_ue([sys.executable, str(HERE / f"{PEER}_peer.py"), str(lab.folder / "control.sock"), how,
                                "/applicationlist?begin-index=0&app-num=10", "/applications?appid=big", "/applications?appid=nobody"])
            self.assertEqual(result["setup"], "active" if setup == "active" else "passive")
            the_list, package, missing = result["replies"]
            self.assertEqual(the_list["status"], 200)
            self.assertGreater(the_list["length"], 20)
            self.assertEqual((package["status"], package["length"], package["crc"]), (200, len(self.package), zlib.crc32(self.package)))
            self.assertTrue(package["etag"])
            self.assertEqual(missing["status"], 404)
            stats = control.call("node.stats")
            self.assertEqual(stats["dtls_connected_total"], 1)
            self.assertEqual(stats["http_upstream_failed_total"], 0)
            control.close()
        finally:
            lab.stop()

    def test_gateway_is_dtls_server(self):
        self.fetch("passive", "negotiated")

    def test_gateway_is_dtls_client(self):
        self.fetch("active", "negotiated")

    def test_channel_opened_by_dcep(self):
        # aiortc picks the parity of its ids by the ICE role, not the DTLS role (RFC 8832 6): they agree when it is the DTLS server
        self.fetch("active" if PEER == "aiortc" else "passive", "dcep")


if __name__ == "__main__":
    check_peer()
    with Lab(BUILD) as the_lab:
        Bootstrap.lab = the_lab
        Bootstrap.package = the_lab.make_package()
        outcome = unittest.main(argv=sys.argv[:1], exit=False, verbosity=2).result
    sys.exit(0 if outcome.wasSuccessful() else 1)
