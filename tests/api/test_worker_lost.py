#!/usr/bin/python3
"""kill -9 of one worker out of two while phones fetch: it takes its own phones with it and nobody else's.

usage: test_worker_lost.py DCMF DCMF_LOAD
"""
import os
import signal
import sys
import threading
import time
import unittest

from gateway import HOST, Gateway
from load import Load
from signalling import offer

DCMF, DCMF_LOAD = sys.argv[1:3]
PATIENCE = 240  # seconds; sanitizers are slow
CONFIG = """
workers: 2
media: [ { name: local, address: @HOST@, ports: 34000-35999 } ]
mdc1: { synthetic: ["load:1048576"] }
""".replace("@HOST@", HOST)
PHONES = 120
OFFER = offer()


class Totals(threading.Thread):
    """Reads /metrics again and again; `fallen` names every total that was once greater than later."""

    def __init__(self, gateway):
        super().__init__()
        self.gateway, self.fallen, self.seen, self.reads, self.done = gateway, [], {}, 0, threading.Event()
        self.start()

    def read(self):
        for line in self.gateway.http("/metrics")[1].splitlines():
            name, _, value = line.rpartition(" ")
            if not line.startswith("#") and name.partition("{")[0].endswith("_total"):
                if float(value) < self.seen.get(name, 0):
                    self.fallen.append((name, self.seen[name], float(value)))
                self.seen[name] = float(value)
        self.reads += 1

    def run(self):
        while not self.done.wait(0.01):
            self.read()

    def finish(self):
        self.done.set()
        self.join()
        self.read()


class WorkerLost(unittest.TestCase):
    def test_a_killed_worker_takes_its_own_phones_and_nobody_elses(self):
        with Gateway(DCMF, CONFIG) as g:
            c = g.controller()
            self.addCleanup(c.close)
            c.ask("events.subscribe", types=["worker.lost", "context.created"])
            pid = c.ask("node.info")["workers"][1]["pid"]
            totals = Totals(g)
            self.addCleanup(totals.finish)
            with Load(DCMF_LOAD, g, "--ues", str(PHONES), "--rate", "60", "--ice", "mixed", "--setup", "mixed",
                      "--hold", "all", "--app", "load", "--timeout", "15") as load:
                created = [c.event("context.created")["contextId"] for _ in range(PHONES // 2)]
                os.kill(pid, signal.SIGKILL)
                lost = self.lost(c, created)
                self.new_contexts_work(g, c)
                load.finish(PATIENCE)
            totals.finish()
            self.phones_of_the_other_worker_are_served(load, lost)
            self.assertEqual(totals.fallen, [])
            self.assertGreater(totals.reads, 10)
            self.assertEqual(int(next(g.metric("contexts"))), 0)

    def lost(self, c, created):
        """What worker.lost names: exactly the contexts that were created on that worker."""
        while (event := c.line()["params"])["type"] != "worker.lost":
            created.append(event["contextId"])
        named = [x["contextId"] for x in event["contexts"]]
        self.assertEqual(event["worker"], 1)
        self.assertEqual(sorted(named), sorted(i for i in created if i.startswith("1-")))
        self.assertTrue(all(x["owner"].startswith("load-") for x in event["contexts"]))
        self.assertGreater(len(named), 10)
        return named

    def new_contexts_work(self, g, c):
        """At once on the other worker, and soon on one that took the lost one's place."""
        killed, made = time.monotonic(), []
        while not any(i.startswith("1-") for i in made):
            self.assertLess(time.monotonic() - killed, 20)
            made.append(c.ask("sdp.terminate", sdp=OFFER, dcMedia={"*": {"mediaProxyConfig": "HTTP_PROXY"}})["contextId"])
        print("a new context on the replaced worker %d ms after worker.lost" % (1000 * (time.monotonic() - killed)))
        for i in made:
            c.ask("context.delete", contextId=i)
        self.assertEqual([w["starts"] for w in c.ask("node.info")["workers"]], [1, 2])

    def phones_of_the_other_worker_are_served(self, load, lost):
        report = load.report
        said = load.said + load.complained
        failed = report["failedOnWorker"]
        self.assertEqual(report["begun"], PHONES)
        self.assertEqual(failed.get("0", 0), 0, said)
        self.assertEqual(failed.get("1", 0), len(lost), said)
        # offers that were on their way to the worker when it died are refused, and say so
        self.assertLess(failed.get("none", 0), 10, said)
        served = PHONES - report["failed"]
        self.assertEqual(report["failed"], sum(failed.values()))
        self.assertGreaterEqual(load.part["notModified"], served, said)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
