#!/usr/bin/env python3
"""The commands of docs/simulator.md work as they stand there, and the reference is what the program prints.

Blocks marked ```json NAME are files; each line of a ```sh block is a command, run in a folder of its own with the
built simulator as `quorate-sim`.
"""
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve()
PAGE = (ROOT / 'docs' / 'simulator.md').read_text(encoding='utf-8')


def blocks(kind):
    return re.findall(rf'^```{kind}([^\n]*)\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL)


def run(words, folder):
    return subprocess.run([str(PROGRAM), *words], cwd=folder, text=True, capture_output=True, check=False, timeout=120)


class DocsTest(unittest.TestCase):
    def test_every_command_of_the_page_works(self):
        ran = 0
        with tempfile.TemporaryDirectory() as folder:
            for name, text in blocks('json'):
                (pathlib.Path(folder) / name.strip()).write_text(text, encoding='utf-8')
            for _, text in blocks('sh'):
                for line in text.splitlines():
                    words = shlex.split(line)
                    self.assertEqual(words[0], 'quorate-sim', line)
                    done = run(words[1:], folder)
                    self.assertEqual(done.returncode, 0, f'{line}\n{done.stdout[-2000:]}{done.stderr[-2000:]}')
                    ran += 1
            self.assertGreater(ran, 5)
            self.assertEqual([entry for entry in os.listdir(folder) if not entry.endswith('.json')], [],
                             'a run that passes leaves nothing behind')

    def test_a_single_run_tells_its_story(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in blocks('json'):
                (pathlib.Path(folder) / name.strip()).write_text(text, encoding='utf-8')
            said = run(['run', 'first.json', '--seeds', '1', '--first-seed', '1'], folder).stdout
            self.assertRegex(said, r'n\d leads namespace 0 in term \d')
            self.assertRegex(said, r'network\.partition.* begins')
            self.assertRegex(said, r'clients +\d+ operations: \d+ ok')

    def test_the_reference_is_what_the_program_prints(self):
        said = run(['schema', '--markdown'], ROOT).stdout
        kept = (ROOT / 'docs' / 'simulator-reference.md').read_text(encoding='utf-8')
        self.assertEqual(said, kept, 'make it anew: quorate-sim schema --markdown > docs/simulator-reference.md')

    def test_every_scenario_of_the_page_is_complete(self):
        self.assertGreaterEqual(len(blocks('json')), 2)
        for name, _ in blocks('json'):
            self.assertRegex(name.strip(), r'^[a-z0-9-]+\.json$')


if __name__ == '__main__':
    unittest.main()
