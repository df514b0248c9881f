#!/usr/bin/env python3
"""The mutant runner refuses patches that are not what they should be, and reads verdicts rightly."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'tools' / 'lib'))
import count_cases
import mutants

HEADER = '# id: X01\n# about: two is three\n# expect: I-1 I-2\n# source: nowhere\n'
DIFF = ('diff --git a/engine/a.cc b/engine/a.cc\n--- a/engine/a.cc\n+++ b/engine/a.cc\n@@ -1,3 +1,3 @@\n one\n-two\n'
        '+three\n four\n')


class Patches(unittest.TestCase):
    def test_a_right_patch_is_read(self):
        mutant = mutants.parse('x', HEADER + DIFF)
        self.assertEqual((mutant.files, mutant.lines, mutant.expected), (['engine/a.cc'], 2, ['I-1', 'I-2']))

    def refuses(self, text, reason):
        with self.assertRaisesRegex(mutants.BadPatch, reason):
            mutants.parse('x', text)

    def test_every_line_of_the_header_is_required(self):
        for line in HEADER.splitlines(keepends=True):
            self.refuses(HEADER.replace(line, '') + DIFF, 'the header has no line')

    def test_it_touches_engine_and_storage_only(self):
        self.refuses(HEADER + DIFF.replace('engine/a.cc', 'sim/a.cc'), 'touches sim/a.cc')
        self.refuses(HEADER + DIFF.replace('engine/a.cc', 'tests/a.cc'), 'touches tests/a.cc')
        self.refuses(HEADER + DIFF.replace('--- a/engine/a.cc', '--- /dev/null'), 'files that exist')

    def test_it_changes_at_most_ten_lines(self):
        self.assertEqual(mutants.parse('x', HEADER + DIFF.replace('+three\n', '+three\n' * 9)).lines, 10)
        self.refuses(HEADER + DIFF.replace('+three\n', '+three\n' * 10), 'changes 11 lines')
        self.refuses(HEADER, 'no diff')

    def test_it_applies_to_the_tree_as_it_is(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / 'engine').mkdir()
            (root / 'engine' / 'a.cc').write_text('one\ntwo\nfour\n', encoding='utf-8')
            mutant = mutants.parse('x', HEADER + DIFF)
            self.assertEqual(mutants.apply(mutant, root), {'engine/a.cc': 'one\nthree\nfour\n'})
            (root / 'engine' / 'a.cc').write_text('one\n2\nfour\n', encoding='utf-8')
            with self.assertRaisesRegex(mutants.BadPatch, 'does not apply'):
                mutants.apply(mutant, root)
            (root / 'engine' / 'a.cc').unlink()
            with self.assertRaisesRegex(mutants.BadPatch, 'there is no engine/a.cc'):
                mutants.apply(mutant, root)


class Verdicts(unittest.TestCase):
    def test_the_exit_code_and_the_checker_make_the_verdict(self):
        self.assertEqual(mutants.verdict_of('x', {'code': 0, 'caught_by': ''}), 'survived')
        self.assertEqual(mutants.verdict_of('x', {'code': 1, 'caught_by': 'I-1'}), 'found')
        self.assertEqual(mutants.verdict_of('x', {'code': 1, 'caught_by': ''}), 'exit 1')
        self.assertEqual(mutants.verdict_of('x', {'code': 70, 'caught_by': 'I-1'}), 'exit 70')


    def test_the_failure_with_the_smallest_number_counts(self):
        def finding(verdict, checker, number):
            return {'verdict': verdict, 'checker': checker, 'number': number, 'what': 'x'}
        report = {'runs': 40, 'findings': [finding('safety', 'I-7', 9), finding('safety', 'I-1', 4),
                                           finding('excused', '', 2)]}
        self.assertEqual(mutants.read_report(report), {'seeds': 5, 'caught_by': 'I-1', 'what': 'x'})
        report['findings'] = report['findings'][2:]
        self.assertEqual(mutants.read_report(report), {'seeds': 40, 'caught_by': '', 'what': ''})


class Cases(unittest.TestCase):
    def count(self, xml):
        with tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder) / 'a.xml'
            report.write_text(xml, encoding='utf-8')
            return count_cases.cases_of(report)

    def test_cases_are_counted_and_skipped_ones_are_not(self):
        self.assertEqual(self.count(
            '<testsuites tests="4" failures="1" errors="0"><testsuite name="A">'
            '<testcase name="a" status="run" result="completed"/>'
            '<testcase name="b" status="run" result="completed"><failure/></testcase>'
            '<testcase name="c" status="run" result="skipped"/>'
            '<testcase name="d" status="notrun" result="suppressed"/>'
            '</testsuite></testsuites>'), (1, 1))

    def test_a_report_cut_off_in_the_middle_counts_nothing(self):
        self.assertEqual(self.count('<testsuites tests="4"'), (0, 0))


if __name__ == '__main__':
    unittest.main()
