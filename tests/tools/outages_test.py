#!/usr/bin/env python3
"""The outages of record: each meets the situation that it tells of, and nothing else would.

An outage without its incident is a quiet run. It must miss a mark that its file requires, or the suite would pass
just as well if the incident never came.

usage: outages_test.py QUORATE_SIM
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUTAGES = sorted((ROOT / 'scenarios' / 'outages').glob('*.json'))
SEEDS = 25
# What clients and operators do is no incident.
ORDINARY = {'transfer', 'put', 'get', 'range', 'cas', 'delete', 'batch'}
SIM = ''


class Outages(unittest.TestCase):
    def run_of(self, file, keeps):
        """Exit code of a few runs of what is left of a scenario, by which its marks must be reached; and what was said."""
        scenario = json.loads(file.read_text(encoding='utf-8'))
        scenario['schedule'] = [entry for entry in scenario['schedule'] if keeps(entry)]
        scenario['marks']['after_runs'] = SEEDS
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / file.name
            path.write_text(json.dumps(scenario), encoding='utf-8')
            done = subprocess.run([SIM, 'run', path, '--seeds', str(SEEDS), '--first-seed', '1', '-j1', '--shrink', '0'],
                                  capture_output=True, text=True, check=False)
        return done.returncode, done.stdout[-1000:]

    def test_each_is_met_and_survived(self):
        for file in OUTAGES:
            with self.subTest(file.name):
                code, said = self.run_of(file, lambda entry: True)
                self.assertEqual(code, 0, said)

    def test_without_its_incident_each_misses_a_mark(self):
        for file in OUTAGES:
            with self.subTest(file.name):
                code, said = self.run_of(file, lambda entry: entry['do'] in ORDINARY)
                self.assertEqual(code, 4, said)

    def test_the_page_tells_each_one_with_the_marks_that_it_requires(self):
        page = (ROOT / 'docs' / 'outages.md').read_text(encoding='utf-8')
        told = {name: text for name, text in re.findall(r'^## [^`\n]*`(\w+)`\n(.*?)(?=^## |\Z)', page, re.M | re.S)}
        self.assertEqual(set(told), {file.stem for file in OUTAGES})
        for file in OUTAGES:
            required = json.loads(file.read_text(encoding='utf-8'))['marks']['require']
            self.assertEqual(required, [mark for mark in required if f'`{mark}`' in told[file.stem]], file.name)


if __name__ == '__main__':
    SIM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
