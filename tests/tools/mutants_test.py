#!/usr/bin/env python3
"""The mutant runner refuses patches that are not what they should be, runs each program once, and reads verdicts rightly.

usage: mutants_test.py FAKE_QUORATE_SIM [unittest's own]; the fake is tests/sim/fake_quorate_sim.cc.
"""
import contextlib
import io
import pathlib
import re
import sys
import tempfile
import types
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'tools' / 'lib'))
import count_cases
import mutant_ablations
import mutant_builds
import mutant_page
import mutant_patches
import mutant_runs
import mutant_tables
import mutants

FAKE = pathlib.Path(sys.argv.pop(1)).resolve()
HEADER = '# id: X01\n# about: two is three\n# expect: I-1 I-2\n# source: nowhere\n# class: E\n'
DIFF = ('diff --git a/engine/a.cc b/engine/a.cc\n--- a/engine/a.cc\n+++ b/engine/a.cc\n@@ -1,3 +1,3 @@\n one\n-two\n'
        '+three\n four\n')


class InFolder(unittest.TestCase):
    """Tests with a folder of their own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, path, text):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding='utf-8')
        return file


class Patches(InFolder):
    def parse(self, header, diff=DIFF):
        return mutant_patches.parse('x', header + diff)

    def test_a_right_patch_is_read(self):
        mutant = self.parse(HEADER)
        self.assertEqual((mutant.files, mutant.lines, mutant.expected), (['engine/a.cc'], 2, ['I-1', 'I-2']))

    def refuses(self, text, reason):
        with self.assertRaisesRegex(mutant_patches.BadPatch, reason):
            mutant_patches.parse('x', text)

    def test_every_line_of_the_header_is_required(self):
        for line in HEADER.splitlines(keepends=True):
            self.refuses(HEADER.replace(line, '') + DIFF, 'the header has no line')

    def test_an_id_is_a_letter_and_two_digits_and_perhaps_a_letter(self):
        self.assertEqual(self.parse(HEADER.replace('X01', 'D04b')).row, 'D04')
        for wrong in ['1', 'A1', 'A001', 'a01', 'A01B']:
            self.refuses(HEADER.replace('X01', wrong) + DIFF, 'id is a letter and two digits')

    def test_the_class_says_how_many_seeds_it_is_given(self):
        for klass, seeds in [('E', 1000), ('M', 5000), ('H', 5000)]:
            self.assertEqual(self.parse(HEADER.replace('class: E', f'class: {klass}')).seeds, seeds)
        self.refuses(HEADER.replace('class: E', 'class: S') + DIFF, 'class is one of E M H')

    def test_a_bug_of_our_own_may_be_rarer_than_its_class_and_a_row_of_the_catalogue_may_not(self):
        self.assertEqual(self.parse(HEADER + '# rarity: 8\n').seeds, 8000)
        self.refuses(HEADER + '# rarity: 100\n' + DIFF, 'rarity is a number')
        self.refuses(HEADER.replace('X01', 'A01') + '# rarity: 2\n' + DIFF, 'rarity is for bugs of our own')

    def test_its_own_schedule_is_run_twenty_times_or_as_often_as_it_says(self):
        self.assertEqual(self.parse(HEADER).schedule_seeds, 20)
        self.assertEqual(self.parse(HEADER + '# schedule_seeds: 200\n').schedule_seeds, 200)
        for wrong in ['0', '201', 'ten']:
            self.refuses(HEADER + f'# schedule_seeds: {wrong}\n' + DIFF, 'schedule_seeds is a number')

    def test_it_touches_engine_and_storage_only(self):
        self.refuses(HEADER + DIFF.replace('engine/a.cc', 'sim/a.cc'), 'touches sim/a.cc')
        self.refuses(HEADER + DIFF.replace('engine/a.cc', 'tests/a.cc'), 'touches tests/a.cc')
        self.refuses(HEADER + DIFF.replace('--- a/engine/a.cc', '--- /dev/null'), 'files that exist')

    def test_it_changes_at_most_ten_lines(self):
        self.assertEqual(self.parse(HEADER, DIFF.replace('+three\n', '+three\n' * 9)).lines, 10)
        self.refuses(HEADER + DIFF.replace('+three\n', '+three\n' * 10), 'changes 11 lines')
        self.refuses(HEADER, 'no diff')

    def test_it_applies_to_the_tree_as_it_is(self):
        file = self.write('engine/a.cc', 'one\ntwo\nfour\n')
        mutant = self.parse(HEADER)
        self.assertEqual(mutant_patches.apply(mutant, self.folder), {'engine/a.cc': 'one\nthree\nfour\n'})
        self.write('engine/a.cc', 'one\n2\nfour\n')
        with self.assertRaisesRegex(mutant_patches.BadPatch, 'does not apply'):
            mutant_patches.apply(mutant, self.folder)
        file.unlink()
        with self.assertRaisesRegex(mutant_patches.BadPatch, 'there is no engine/a.cc'):
            mutant_patches.apply(mutant, self.folder)

    def test_two_patches_of_one_id_and_a_schedule_that_is_none_are_named(self):
        self.write('engine/a.cc', 'one\ntwo\nfour\n')
        self.write('a.patch', HEADER + DIFF)
        self.write('b.patch', HEADER + DIFF)
        self.write('c.patch', HEADER.replace('X01', 'X02') + DIFF)
        self.write('c.json', '{"format": 1,')
        good, bad = mutant_patches.load_all(self.folder, self.folder)
        self.assertEqual([mutant.name for mutant in good], ['a'])
        self.assertEqual([name for name, _ in bad], ['b', 'c'])
        self.assertIn('has the id of a', bad[0][1])
        self.assertIn('c.json: Expecting', bad[1][1])

    def test_every_row_has_a_mutant_or_a_reason_and_not_both(self):
        self.assertEqual(len(mutant_patches.rows()), 75)
        mutant = self.parse(HEADER.replace('X01', 'A01'))
        reasons = dict.fromkeys(mutant_patches.rows(), 'no such thing yet')
        del reasons['A01']
        self.assertEqual(mutant_patches.wrong_rows([mutant], reasons), [])
        self.assertRegex(mutant_patches.wrong_rows([], reasons)[0], '^A01: no mutant')
        reasons['A01'] = reasons['Z01'] = 'x'
        both, none = mutant_patches.wrong_rows([mutant], reasons)
        self.assertRegex(both, '^A01: waiting.json says why there is no mutant, and there is x')
        self.assertRegex(none, '^Z01: waiting.json names a row that is none')


def result(**given):
    return {'code': 0, 'runs': 100, 'seeds': 100, 'cpu_s': 2, 'caught_by': '', 'what': '', **given}


class Reports(unittest.TestCase):
    def verdict(self, code, caught_by):
        return mutant_runs.verdict_of(result(code=code, caught_by=caught_by))

    def test_the_exit_code_and_the_checker_make_the_verdict(self):
        self.assertEqual(self.verdict(0, ''), 'survived')
        self.assertEqual(self.verdict(1, 'I-1'), 'found')
        self.assertEqual(self.verdict(1, ''), 'exit 1')

    def test_a_crash_a_run_without_end_and_a_missed_mark_are_found_too(self):
        self.assertEqual(self.verdict(70, 'CRASH'), 'found')
        self.assertEqual(self.verdict(124, 'TIME'), 'found')
        self.assertEqual(self.verdict(4, 'GATE'), 'found')

    def test_what_came_to_no_verdict_is_no_find(self):
        self.assertEqual(self.verdict(70, ''), 'exit 70')
        self.assertEqual(self.verdict(5, ''), 'exit 5')
        self.assertEqual(self.verdict(64, ''), 'exit 64')

    def test_the_failure_with_the_smallest_number_counts(self):
        def finding(verdict, checker, number):
            return {'verdict': verdict, 'checker': checker, 'number': number, 'what': 'x', 'file': 'f', 'seed': number}
        report = {'runs': 40, 'findings': [finding('safety', 'I-7', 9), finding('safety', 'I-1', 4),
                                           finding('excused', '', 2)]}
        self.assertEqual(mutant_runs.read_report(report),
                         {'seeds': 5, 'caught_by': 'I-1', 'what': 'x', 'file': 'f', 'seed': 4})
        report['findings'] = report['findings'][2:]
        self.assertEqual(mutant_runs.read_report(report), {'seeds': 40, 'caught_by': '', 'what': ''})
        report['missed_gates'] = ['a mark']
        self.assertEqual(mutant_runs.read_report(report), {'seeds': 40, 'caught_by': 'GATE', 'what': 'a mark'})


class Verdicts(InFolder):
    def test_every_verdict_is_on_disk_at_once_and_two_writers_lose_nothing(self):
        one, two = mutant_runs.Verdicts(work=self.folder), mutant_runs.Verdicts(work=self.folder)
        one.put('a', result(seeds=1))
        two.put('b', result(seeds=2))
        again = mutant_runs.Verdicts(work=self.folder)
        self.assertEqual([again.get(key)['seeds'] for key in 'ab'], [1, 2])
        self.assertEqual(list(self.folder.glob('*.draft')), [])

    def test_a_broken_or_forgotten_file_holds_none(self):
        mutant_runs.Verdicts(work=self.folder).put('a', result())
        self.assertIsNone(mutant_runs.Verdicts(True, self.folder).get('a'))
        self.write('verdicts.json', '{"a": ')
        self.assertIsNone(mutant_runs.Verdicts(work=self.folder).get('a'))

    def first(self, wanted, **given):
        verdicts = mutant_runs.Verdicts(work=self.folder)
        verdicts.put('a', result(**given))
        return verdicts.of_first('a', wanted)

    def test_a_survivor_of_many_seeds_survived_fewer_and_says_nothing_of_more(self):
        self.assertEqual((self.first(60)['seeds'], self.first(60)['cpu_s']), (60, 1.2))
        self.assertEqual(self.first(100)['seeds'], 100)
        self.assertIsNone(self.first(101))

    def test_what_was_found_early_is_found_with_more_seeds_and_not_with_fewer(self):
        for seeds in [40, 1000]:
            self.assertEqual(self.first(seeds, code=1, seeds=40, caught_by='I-1')['caught_by'], 'I-1')
        self.assertEqual(self.first(39, code=1, seeds=40, caught_by='I-1')['code'], 0)

    def test_a_missed_mark_says_nothing_of_other_numbers_of_seeds(self):
        self.assertEqual(self.first(100, code=4, caught_by='GATE')['caught_by'], 'GATE')
        self.assertIsNone(self.first(99, code=4, caught_by='GATE'))
        self.assertIsNone(self.first(101, code=4, caught_by='GATE'))


class Programs(InFolder):
    """With a simulator that simulates nothing; every seed that ends in 13 fails by I-7."""

    def setUp(self):
        super().setUp()
        self.write('scenarios/smoke/a.json', '{"format": 1, "about": "A."}')
        self.write('mine.json', '{"format": 1, "about": "Mine."}')
        self.write('bad.json', '{"format": 1, "abuot": "Mine."}')

    def simulations(self, first_seed=1):
        suite = mutant_builds.files_of(['scenarios/smoke'], self.folder)
        return mutant_runs.Simulations(mutant_runs.Verdicts(work=self.folder), suite,
                                       types.SimpleNamespace(first_seed=first_seed, jobs=1))

    def test_the_first_failure_of_the_standard_scenarios_is_found_and_kept(self):
        found = self.simulations().run_suite(FAKE, self.folder, 50)
        self.assertEqual((mutant_runs.verdict_of(found), found['seeds'], found['caught_by'], found['seed']),
                         ('found', 13, 'I-7', 13))
        self.assertGreaterEqual(found['cpu_s'], 0)
        # The second time nothing is run: there is no such folder.
        again = self.simulations().run_suite(FAKE, self.folder / 'nowhere', 50)
        self.assertEqual(again, found)

    def test_fewer_seeds_and_others_are_survived(self):
        self.assertEqual(mutant_runs.verdict_of(self.simulations().run_suite(FAKE, self.folder, 12)), 'survived')
        self.assertEqual(mutant_runs.verdict_of(self.simulations(200).run_suite(FAKE, self.folder, 10)), 'survived')

    def test_a_schedule_is_run_from_seed_one_on(self):
        found = self.simulations(200).run_schedule(FAKE, self.folder, 'mine', b'{}', 20)
        self.assertEqual((found['seeds'], found['caught_by']), (13, 'I-7'))

    def test_a_schedule_that_the_simulator_refuses_is_told_in_its_words(self):
        refused = self.simulations().run_schedule(FAKE, self.folder, 'bad', b'{', 20)
        self.assertEqual(mutant_runs.verdict_of(refused), 'exit 64')
        self.assertIn('"about" is one', refused['what'])

    def test_a_program_that_only_ends_is_an_error(self):
        with self.assertRaisesRegex(mutant_runs.RunError, 'wrote no report'):
            mutant_runs.simulate('/bin/true', self.folder, ['mine.json'], [])

    def test_whether_failures_can_be_shrunk_is_asked_of_the_program(self):
        self.assertFalse(mutant_runs.can_shrink('/bin/true'))
        self.assertTrue(mutant_runs.can_shrink(self.shrinking()))

    def shrinking(self):
        """A program that knows --shrink, notes how it is called, and finds a small failure if it may shrink it."""
        program = self.write('shrinks', f"""#!{sys.executable}
import json, sys
if '--help' in sys.argv:
    print('  --shrink S   seconds')
    sys.exit(0)
with open({str(self.folder / 'calls')!r}, 'a') as calls:
    calls.write(' '.join(sys.argv[1:]) + '\\n')
failure = dict(verdict='safety', checker='I-7', what='x', number=0, file='scenarios/smoke/a.json', seed=13)
if sys.argv[sys.argv.index('--shrink') + 1] != '0':
    failure['shrunk'] = dict(nodes=3, operations=4, faults=2, events=210)
with open(sys.argv[sys.argv.index('--json') + 1], 'w') as report:
    json.dump(dict(runs=1, findings=[failure]), report)
sys.exit(1)
""")
        program.chmod(0o755)
        return program

    def test_a_failure_is_shrunk_by_itself_so_that_finding_it_costs_what_it_costs(self):
        program = self.shrinking()
        found = self.simulations().run_suite(program, self.folder, 50)
        self.assertNotIn('shrunk', found)
        for _ in range(2):  # the second time it is known
            shrunk = self.simulations().shrink(program, self.folder, found, 20)
            self.assertEqual(shrunk, {'nodes': 3, 'operations': 4, 'faults': 2, 'events': 210})
        calls = (self.folder / 'calls').read_text(encoding='utf-8').splitlines()
        self.assertEqual(len(calls), 2)
        self.assertIn('--seeds 50 --first-seed 1 --fail-fast -j 1 --shrink 0', calls[0])
        self.assertRegex(calls[1], '^run scenarios/smoke/a.json .*--seeds 1 --first-seed 13 .*--shrink 20')


class Trees(InFolder):
    def test_a_tree_is_made_equal_and_what_is_right_is_not_touched(self):
        kept = self.write('tree/a', 'a')
        self.write('tree/b', 'old')
        self.write('tree/c', 'gone')
        built = self.write('tree/build/x', 'built')
        before = kept.stat().st_mtime_ns
        mutant_builds.sync(self.folder / 'tree', {'a': b'a', 'b': b'b', 'd/d': b'd'})
        self.assertEqual(mutant_builds.files_of(['tree/a', 'tree/b', 'tree/d'], self.folder),
                         {'tree/a': b'a', 'tree/b': b'b', 'tree/d/d': b'd'})
        self.assertEqual(kept.stat().st_mtime_ns, before)
        self.assertFalse((self.folder / 'tree/c').exists())
        self.assertTrue(built.exists())

    def test_a_hash_tells_names_and_contents_apart(self):
        hashes = {mutant_builds.hash_of(files) for files in
                  [{'a': b'b'}, {'b': b'a'}, {'a': b'', 'b': b''}, {'a': b'b\0'}, {}]}
        self.assertEqual(len(hashes), 5)
        self.assertEqual(mutant_builds.hash_of({'a': b'1', 'b': b'2'}), mutant_builds.hash_of({'b': b'2', 'a': b'1'}))

    def test_kept_files_stay_as_they_were(self):
        first = mutant_builds.keep(self.folder, {'x/a.json': b'1'})
        mutant_builds.keep(self.folder, {'x/a.json': b'2'})
        self.assertEqual(mutant_builds.keep(self.folder, {'x/a.json': b'1'}), first)
        self.assertEqual((first / 'x/a.json').read_bytes(), b'1')


class Tables(unittest.TestCase):
    def row(self, klass='E', **given):
        mutant = mutant_patches.parse('x', HEADER.replace('class: E', f'class: {klass}') + DIFF)
        found = result(code=1, seeds=7, caught_by='I-2')
        return mutant_tables.Row(**{'name': 'x', 'mutant': mutant, 'suite': found, 'schedule': found,
                                    'control': result(), **given})

    def test_a_mutant_is_good_when_it_is_found_and_its_schedule_shows_it(self):
        self.assertTrue(self.row().good)
        self.assertEqual(self.row().schedule_word, 'ok I-2')
        self.assertFalse(self.row(suite=result()).good)

    def test_a_schedule_that_is_missing_or_finds_nothing_or_fails_without_the_bug_is_not_good(self):
        failing = result(code=1, caught_by='I-1')
        for word, given in [('no schedule', {'schedule': None}), ('not found', {'schedule': result()}),
                            ('not found', {'schedule': result(code=4, caught_by='GATE')}),
                            ('refused', {'schedule': result(code=64, what='no such key')}),
                            ('control fails', {'control': failing}), ('control fails', {'control': result(code=4)})]:
            self.assertEqual((self.row(**given).schedule_word, self.row(**given).good), (word, False))

    def test_the_control_is_good_when_it_survives(self):
        self.assertTrue(mutant_tables.Row('control', suite=result()).good)
        self.assertFalse(mutant_tables.Row('control', suite=result(code=4, caught_by='GATE')).good)

    def test_the_summary_counts_all_and_each_class(self):
        sizes = [{'nodes': 3, 'operations': operations, 'faults': 1, 'events': 9} for operations in (2, 4, 9)]
        rows = [self.row(shrunk=size) for size in sizes] + [self.row('M', suite=result(), name='lives')]
        text = '\n'.join(mutant_tables.summary_of([mutant_tables.Row('control', suite=result()), *rows]))
        self.assertIn('found: 3 of 4 (75 %); by class: E 3 of 3 (100 %), M 0 of 1 (0 %)', text)
        self.assertIn('median 3 nodes, 4 operations, 1 faults', text)
        self.assertIn('survivors: lives', text)


class Ablations(InFolder):
    """With the fake: seed 13 fails by I-7 and 17 by LIVE-1, whatever is left out but those checks."""

    def setUp(self):
        super().setUp()
        self.write('scenarios/smoke/a.json', '{"format": 1, "about": "A."}')
        suite = mutant_builds.files_of(['scenarios/smoke'], self.folder)
        self.runs = mutant_runs.Simulations(mutant_runs.Verdicts(work=self.folder), suite,
                                            types.SimpleNamespace(first_seed=1, jobs=1))
        self.row = mutant_tables.Row('x', mutant_patches.parse('x', HEADER + DIFF))
        self.row.suite = self.runs.run_suite(FAKE, self.folder, 50)

    def outcome(self, options, known_only=False):
        return mutant_ablations.outcome(self.runs, FAKE, self.folder, self.row, options, known_only)

    def test_a_mutant_whose_run_fails_all_the_same_is_kept_at_the_price_of_one_simulation(self):
        what, again = self.outcome(['--without', 'network.loss'])
        self.assertEqual((what, again['caught_by'], again['seeds']), (mutant_ablations.KEPT, 'I-7', 1))

    def test_else_the_standard_scenarios_are_run_again(self):
        what, again = self.outcome(['--ignore-check', 'I-7'])
        self.assertEqual((what, again['caught_by'], again['seeds']), (mutant_ablations.LATER, 'LIVE-1', 17))

    def test_what_no_seed_of_its_class_finds_is_lost(self):
        self.row.mutant.header['class'] = 'E'
        with unittest.mock.patch.dict(mutant_patches.SEEDS_OF_CLASS, E=16):
            self.assertEqual(self.outcome(['--ignore-check', 'I-7'])[0], mutant_ablations.LOST)

    def test_what_was_not_run_is_not_known_and_what_was_run_is(self):
        self.assertIsNone(self.outcome(['--ignore-check', 'I-7'], True))
        ran = self.outcome(['--ignore-check', 'I-7'])
        self.assertEqual(self.outcome(['--ignore-check', 'I-7'], True), ran)

    def test_a_fault_that_the_simulator_does_not_know_is_an_error(self):
        with self.assertRaisesRegex(mutant_runs.RunError, 'is no fault of a scenario'):
            self.outcome(['--without', 'network.los'])

    def test_every_fault_in_the_table_is_one(self):
        every = ','.join(mutant_ablations.FAULTS.values())
        self.assertEqual(mutant_runs.simulate(FAKE, self.folder, ['scenarios/smoke'],
                                              ['--seeds', '1', '--first-seed', '1', '--without', every])['code'], 0)

    def test_every_fault_is_in_the_table(self):
        reference = (mutant_patches.ROOT / 'docs' / 'simulator-reference.md').read_text(encoding='utf-8')
        rooms = r'^\| `((?:clocks|network|disk|process)\.[a-z_]+)'
        known = sorted(set(re.findall(rooms, reference, re.MULTILINE)))
        self.assertIn('disk.stall', known)
        faults = [path for path in known
                  if mutant_runs.simulate(FAKE, self.folder, ['scenarios/smoke'],
                                          ['--seeds', '1', '--first-seed', '1', '--without', path])['code'] == 0]
        table = ','.join(mutant_ablations.FAULTS.values()).split(',')
        self.assertEqual(len(table), len(set(table)))
        self.assertEqual([path for path in faults if path not in table and not path.startswith('clocks.')], [])
        self.assertIn('clocks', table)
        rest = [path for path in table if path not in faults]
        self.assertEqual(rest, ['clocks', 'workload.ops.transfer', 'workload.change_members', 'cluster.options'])

    def test_a_mutant_is_looked_for_without_the_check_that_caught_it_and_without_each_fault(self):
        self.assertEqual(mutant_ablations.ablations_of('checks', self.row.suite), [('I-7', ['--ignore-check', 'I-7'])])
        self.assertEqual(len(mutant_ablations.ablations_of('faults', self.row.suite)), len(mutant_ablations.FAULTS))
        self.assertEqual(mutant_ablations.ablations_of('checks', result(caught_by='CRASH')), [])

    def losses(self):
        losses = mutant_ablations.Losses('checks')
        losses.add('I-8', self.row, (mutant_ablations.KEPT, result(code=1, caught_by='I-1')))
        losses.add('I-7', self.row, (mutant_ablations.LATER, result(code=1, caught_by='LIVE-1', seeds=17)))
        other = mutant_tables.Row('y', self.row.mutant, suite=self.row.suite)
        losses.add('I-7', other, (mutant_ablations.LOST, result()))
        return losses

    def test_the_table_of_losses_begins_with_the_greatest(self):
        lines = self.losses().lines()
        self.assertEqual(lines[0], 'without I-7: 0 of 2 still found by the same run, 1 by another, 1 lost; now by LIVE-1')
        self.assertEqual(lines[1:3], ['    by another run: x (13 → 17)', '    lost: y'])
        self.assertRegex(lines[3], '^without I-8: 1 of 1 still found by the same run, 0 by another, 0 lost; now by I-1')

    def test_the_page_has_every_mutant_the_control_what_waits_and_what_is_lost(self):
        self.row.schedule, self.row.control = result(code=1, caught_by='I-2'), result()
        rows = [mutant_tables.Row('control', suite=result(seeds=5000)), self.row]
        faults = mutant_ablations.Losses('faults')
        faults.add('clocks', self.row, (mutant_ablations.KEPT, result(code=1, caught_by='I-7')))
        page = mutant_page.page_of(rows, [self.losses(), faults], {'C02': 'no leases'}, 1)
        for line in ['The control, without any bug, survived 5000 simulations.',
                     '| X01 | [x](../tests/mutants/x.patch) | two is three | E | 13 |',
                     '(expected I-1 I-2) | ok I-2 | - |', '| C02 | no leases |',
                     '| I-7 | 2 | 0 | 1: x (13 → 17) | 1: y | LIVE-1 |',
                     '| I-8 | 1 | 1 | 0 | 0 | I-1 |', 'Every mutant is found by the same run as before without: clocks.']:
            self.assertIn(line, page)
        nothing = [mutant_ablations.Losses(kind) for kind in mutant_ablations.KINDS]
        self.assertNotIn('## Without', mutant_page.page_of(rows, nothing, {}, 1))


class CommandLine(unittest.TestCase):
    def refuses(self, words, reason):
        told = io.StringIO()
        with contextlib.redirect_stderr(told):
            self.assertEqual(mutants.main(words), 64)
        self.assertIn(reason, told.getvalue())
        self.assertEqual(told.getvalue().count('\n'), 1)

    def test_wrong_usage_is_told_in_one_line(self):
        self.refuses(['vote-not-persited'], 'no mutant "vote-not-persited"; "vote-not-persisted" is one')
        self.refuses(['--seeds', '0'], '"0" is not a number from 1 on')
        self.refuses(['--sedes', '5'], '--sedes')
        self.refuses(['--first-seed', '-1'], 'not negative')
        self.refuses(['--ablate', 'everything'], "invalid choice: 'everything'")
        self.refuses(['--markdown', 'x', '--seeds', '5'], '--markdown is of all mutants')


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
