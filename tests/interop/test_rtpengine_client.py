"""The JavaScript client of rtpengine's ng protocol, from npm, drives the running gateway. Skipped where it is not installed:

    mkdir client && cd client && npm install rtpengine-client debug && export NODE_PATH=$PWD/node_modules

Usage: test_rtpengine_client.py DCMF        (PYTHONPATH names tests/api)
"""
import json
import pathlib
import shutil
import subprocess
import sys
import unittest

from gateway import HOST, Gateway, free_port

SKIP = 77  # what meson takes as "skipped"
PORT = free_port()
CONFIG = """
workers: 1
media: [ { name: access, address: %s, ports: 31000-31099 } ]
mdc1: { embedded: false }
ng: { listen: "%s:%d" }
""" % (HOST, HOST, PORT)


def installed():
    if shutil.which("node") is None:
        return False
    done = subprocess.run(["node", "-e", "require('rtpengine-client')"], capture_output=True)
    return done.returncode == 0


class Npm(unittest.TestCase):
    def test_ping_offer_answer_query_and_delete(self):
        with Gateway(sys.argv[1], CONFIG):
            script = pathlib.Path(__file__).with_name("rtpengine_client.js")
            done = subprocess.run(["node", str(script), HOST, str(PORT)], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            for said in json.loads(done.stdout).values():
                self.assertEqual(said["ping"], {"result": "pong"})
                self.assertEqual(said["offer"]["result"], "ok")
                self.assertIn("o=- 1 1 IN IP4 %s\r\n" % HOST, said["offer"]["sdp"])
                self.assertEqual(said["offer"]["sdp"].count("m=application 31"), 1)
                self.assertEqual(said["answer"]["sdp"].count("m=application 31"), 2)
                self.assertEqual(set(said["query"]["tags"]), {"alice", "bob"})
                self.assertEqual(said["delete"], {"result": "ok"})
                self.assertEqual(said["gone"], {"result": "error", "error-reason": "Unknown call-id"})


if __name__ == "__main__":
    if not installed():
        print("SKIPPED: node or the npm package rtpengine-client is not installed (NODE_PATH)")
        sys.exit(SKIP)
    unittest.main(argv=sys.argv[:1], verbosity=2)
