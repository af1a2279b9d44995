#!/usr/bin/python3
"""What is said where a process may open fewer files than it needs sockets: dcmf --check, a worker at its limit, dcmf-load.

usage: test_files.py DCMF DCMF_LOAD
"""
import os
import resource
import subprocess
import sys
import unittest

from gateway import HOST, PATIENCE, Gateway
from signalling import document

DCMF, DCMF_LOAD = sys.argv[1:3]
CONFIG = """
workers: 1
media: [ { name: local, address: %s, ports: 36000-36199 } ]
mdc1: { embedded: false }
limits: { contexts: 80 }
""" % HOST


def limited(files, *words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)))
    return done.returncode, done.stderr


def lowest_free(pid):
    taken = {int(name) for name in os.listdir("/proc/%d/fd" % pid)}
    return next(n for n in range(len(taken) + 1) if n not in taken)


class Files(unittest.TestCase):
    def test_check_warns_when_ports_need_more_than_may_be_open(self):
        with Gateway(DCMF, CONFIG) as g:
            status, complained = limited(200, DCMF, "--check", "-c", g.path)
            self.assertEqual(status, 0, complained)
            self.assertIn("a worker that uses all of its ports needs 264 open files, and the limit is 200 (ulimit -Hn, LimitNOFILE=)", complained)
            self.assertNotIn("open files", limited(264, DCMF, "--check", "-c", g.path)[1])

    def test_a_worker_at_its_limit_refuses_with_the_reason_and_goes_on(self):
        with Gateway(DCMF, CONFIG) as g:
            c = g.controller()
            self.addCleanup(c.close)
            worker = c.ask("node.info")["workers"][0]["pid"]
            before = resource.prlimit(worker, resource.RLIMIT_NOFILE)
            resource.prlimit(worker, resource.RLIMIT_NOFILE, (lowest_free(worker), before[1]))
            refusal = c.refused("context.create", context=document())
            self.assertEqual(refusal["data"]["cause"], "INSUFFICIENT_RESOURCES")
            self.assertIn("no more files may be open (ulimit -Hn)", refusal["data"]["detail"])
            resource.prlimit(worker, resource.RLIMIT_NOFILE, before)
            c.ask("context.create", context=document())

    def test_the_generator_does_not_begin_what_it_has_no_files_for(self):
        nobody = ("--socket", "/nowhere/control.sock", "--quiet")
        status, complained = limited(200, DCMF_LOAD, "idle", "--ues", "300", "--processes", "2", *nobody)
        self.assertEqual(status, 2)
        self.assertIn("a process needs up to 214 files open at once, and the limit is 200: raise it (ulimit -Hn) or take more --processes", complained)
        self.assertNotIn("files open", limited(214, DCMF_LOAD, "idle", "--ues", "300", "--processes", "2", *nobody)[1])
        # they may be gone before the last one comes: only a word, and on it goes
        complained = limited(200, DCMF_LOAD, "bootstrap", "--ues", "300", *nobody)[1]
        self.assertIn("a process may need up to 364 files", complained)
        self.assertIn("/nowhere/control.sock", complained)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
