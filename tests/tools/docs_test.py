#!/usr/bin/env python3
"""The commands of docs/simulator.md, docs/ci.md and docs/outages.md work as they stand there, and the reference is
what the program prints.

Blocks marked ```json NAME are files; each line of a ```sh block is a command, run in a folder of its own with the
built simulator as `quorate-sim`. Of other blocks those lines are run that begin with `quorate-sim`: with fewer seeds,
and with a scenario of the page for FILE; what is said behind a wide gap or a pipe is for people.
"""
import glob
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
SEEDS = 24


def blocks(kind):
    return re.findall(rf'^```{kind}([^\n]*)\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL)


def told_commands(page):
    """Lines of blocks of no kind that call the program, as lists of words."""
    text = (ROOT / 'docs' / page).read_text(encoding='utf-8')
    for kind, block in re.findall(r'^```([^\n]*)\n(.*?)^```$', text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines() if kind == '' else []:
            if line.startswith('quorate-sim '):
                command = re.split(r' {3,}| \| ', line)[0]
                yield shlex.split(re.sub(r'--seeds \d+', f'--seeds {SEEDS}', command))[1:]


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

    def runs(self, words, folder, code=0):
        done = run([path for word in words for path in sorted(glob.glob(word, root_dir=folder)) or [word]], folder)
        self.assertEqual(done.returncode, code, f'{words}\n{done.stdout[-1000:]}{done.stderr[-1000:]}')
        return done

    def test_the_commands_of_the_page_about_outages_work(self):
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(ROOT / 'scenarios', pathlib.Path(folder) / 'scenarios')
            commands = list(told_commands('outages.md'))
            self.assertGreaterEqual(len(commands), 2)
            for words in commands:
                self.runs(words, folder)

    def test_the_commands_of_the_page_about_many_machines_work(self):
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(ROOT / 'scenarios', pathlib.Path(folder) / 'scenarios')
            shard, merge = told_commands('ci.md')
            for index in range(8):
                text = ' '.join(shard).replace('0/8', f'{index}/8').replace('shard-0', f'shard-{index}')
                self.assertEqual((index == 0), text == ' '.join(shard))
                self.runs(text.split(), folder)
            self.assertIn(f'runs         {SEEDS} of ', self.runs(merge, folder).stdout)

    def test_the_commands_about_shrinking_are_those_of_the_program(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in blocks('json'):
                (pathlib.Path(folder) / name.strip()).write_text(text, encoding='utf-8')
            self.runs(['resolve', 'second.json', '--to', 'small.json'], folder)
            shrink, replay = told_commands('simulator.md')
            words = [{'FILE': 'first.json', 'N': '1'}.get(word, word) for word in shrink]
            # Nothing fails here: there is nothing to be made small.
            self.assertIn('does not fail', self.runs(words, folder, code=64).stderr)
            self.assertIn('verdict      pass', self.runs(replay, folder).stdout)

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
