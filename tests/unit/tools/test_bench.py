#!/usr/bin/python3
"""The arithmetic of tools/bench: medians, ratios within a round, targets, tables.

usage: test_bench.py TOOLS
"""
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import bench_figures as figures
import bench_runs as runs


def figure(words):
    return next(f for f in figures.FIGURES if f.words == words)


KIB = figure("1 KiB message ended and sent on, CPU of the worker")
TO_FLOOR = figures.FIGURES[1]
BIG = figure("16 KiB messages on one channel, a core")
TWO = figure("two workers' messages a second to one's")


class Figures(unittest.TestCase):
    def test_a_spread_has_the_median_in_the_middle(self):
        self.assertEqual(figures.spread([3, 1, 2]), (1, 2, 3))
        self.assertEqual(figures.spread([4, 1, 2, 3]), (1, 2.5, 4))
        self.assertEqual(figures.spread([7]), (7, 7, 7))

    def test_ratios_are_those_of_one_round(self):
        rounds = [{"gateway-message-1024": 4, "records-ssl-1024": 1}, {"gateway-message-1024": 10, "records-ssl-1024": 5}, {"records-ssl-1024": 1}]
        self.assertEqual(figures.over_rounds(TO_FLOOR, rounds), [4, 2])
        self.assertEqual(figures.over_rounds(BIG, [{"gateway-message-16384": 100}]), [163.84])
        self.assertEqual(figures.over_rounds(TO_FLOOR, [{}]), [])

    def test_targets_are_met_at_their_very_number_and_missed_beyond(self):
        self.assertEqual([figures.verdict(TO_FLOOR, [x], True, 2) for x in (3.0, 3.01)], ["met", "missed"])
        self.assertEqual([figures.verdict(TO_FLOOR, [x], False, 2) for x in (3.8, 3.81)], ["met", "missed"])
        self.assertEqual([figures.verdict(BIG, [x], True, 2) for x in (140, 139)], ["met", "missed"])
        self.assertEqual(figures.verdict(BIG, [139, 141, 150], True, 2), "met in 2 of 3 rounds")
        self.assertEqual(figures.verdict(KIB, [1], True, 2), "")

    def test_what_needs_more_processors_is_not_judged(self):
        self.assertEqual((figures.verdict(TWO, [1], True, 2), figures.target_words(TWO, True, 2)), ("", "(needs 4 processors)"))
        self.assertEqual((figures.verdict(TWO, [1], True, 4), figures.target_words(TWO, True, 4)), ("missed", "at least 1.90"))

    def test_every_value_is_measured_by_a_run_of_its_part(self):
        parts = set().union(*(p for _, p in runs.RUNS))
        self.assertEqual(parts, set(figures.PARTS))

    def test_a_table_tells_what_was_not_measured_and_markdown_leaves_it_out(self):
        rounds = [{"gateway-message-1024": 4.0, "records-ssl-1024": 1.0}]
        text = figures.text(rounds, ["messages"], True, 2)
        self.assertRegex(text, r"(?m)^1 KiB message ended .* 4\.00 +4\.00 +4\.00 us$")
        self.assertRegex(text, r"(?m)^  its ratio .* 4\.00 x +at most 3\.00 +missed$")
        self.assertRegex(text, r"(?m)^64 B message, .* not measured$")
        table = figures.markdown([("packaged", False, rounds), ("rebuilt", True, rounds)], ["messages"], 2).splitlines()
        self.assertEqual(table[:2], ["| median (min to max) | packaged | target | rebuilt | target |", "|---|---|---|---|---|"])
        self.assertEqual(len(table), 4)
        self.assertTrue(table[3].startswith("| &emsp;its ratio to the floor"), table[3])
        self.assertTrue(table[3].endswith("| 4.00 (4.00 to 4.00) | at most 3.80: **missed** | 4.00 (4.00 to 4.00) | at most 3.00: **missed** |"), table[3])


class Runs(unittest.TestCase):
    def test_gateway_and_generator_are_apart_where_there_are_processors_enough(self):
        self.assertEqual(runs.split([0, 1], 1), ([1], [0]))
        self.assertEqual(runs.split([0, 1], 2), ([1, 0], [0, 1]))
        self.assertEqual(runs.split([0, 1, 2, 3], 2), ([1, 2], [0, 3]))
        self.assertEqual(runs.split([5], 1), ([5], [5]))

    def test_figures_of_the_benches_are_read_in_microseconds(self):
        self.assertEqual(runs.read_figures("message-64    ns  min 900.0  median 950.0  max 1000\nset-up B 5\nudp ns min x\n"), {"message-64": 0.95})

    def test_every_program_that_measures_is_there(self):
        self.assertTrue(os.access(runs.JANUS_LAB, os.X_OK))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
