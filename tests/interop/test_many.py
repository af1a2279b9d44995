"""A browser opens channels by the hundred, and others when it has closed some: the stream ids it uses are many, the streams behind them few.

Usage: test_many.py BUILD_FOLDER
"""
import importlib.util
import pathlib
import sys
import unittest

from lab import Lab, skip

HERE = pathlib.Path(__file__).parent
BUILD = sys.argv[1]
CHANNELS, ROUNDS = 200, 4


class Many(unittest.TestCase):
    def talk(self, setup: str):
        with Lab(BUILD) as lab:
            control = lab.gateway(setup)
            result = lab.in_ue([sys.executable, str(HERE / "many_chromium.py"), str(lab.folder / "control.sock"),
                                str(CHANNELS), str(ROUNDS)])
            self.assertNotIn("error", result)
            opened = CHANNELS + ROUNDS * CHANNELS // 2
            self.assertEqual((result["opened"], result["answered"], result["closed"]), (opened, opened, ROUNDS * CHANNELS // 2))
            self.assertGreaterEqual(result["highest"], 2 * CHANNELS - 2)
            stats = control.call("node.stats")
            self.assertEqual(stats["channels_opened_total"], opened)
            self.assertEqual((stats["sctp_stream_refused_total"], stats["dcep_refused_total"]), (0, 0))
            control.close()

    def test_gateway_is_dtls_server(self):
        self.talk("passive")

    def test_gateway_is_dtls_client(self):
        self.talk("active")


if __name__ == "__main__":
    if not (pathlib.Path("/usr/bin/chromedriver").exists() and importlib.util.find_spec("selenium")):
        skip("chromium-driver or python3-selenium is not installed")
    unittest.main(argv=sys.argv[:1], verbosity=2)
