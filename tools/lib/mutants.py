#!/usr/bin/env python3
"""Puts known bugs into the engine, one at a time, and sees whether the simulator finds them.

A mutant is a file tests/mutants/NAME.patch (see tests/mutants/README.md). Each is built in build/mutants/tree, while
the one before it is simulated: the standard scenarios until the first failure, then its own schedule, which has to
show the bug and has to pass without it. The control, the tree without a patch, must survive the same seeds. A verdict
is kept until something that it depends on changes, so an interrupted run goes on where it was. With --ablate the
mutants that were found are looked for again with a check or a fault left out.

Exit: 0 every mutant was found, its own schedule shows it, and the control survived; 4 not so, or a patch is not what
it should be; 64 wrong usage; 70 a mutant could not be built or run; 130 interrupted.
"""
import argparse
import concurrent.futures
import os
import pathlib
import signal
import sys

import mutant_ablations
import mutant_builds
import mutant_page
import mutant_patches
import mutant_runs
import mutant_tables
from mutant_tables import Row

CONTROL = 'control'
GATE, USAGE, SOFTWARE, INTERRUPTED = 4, 64, 70, 130
SHRINK_S = 20


def say(text):
    print(text, file=sys.stderr, flush=True)


class Usage(Exception):
    """The message says what is wrong with the command line."""


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Usage(message)


def positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'"{text}" is not a number from 1 on')
    return int(text)


def parse_arguments(argv):
    parser = Parser(prog='tools/dev mutants')
    parser.add_argument('names', nargs='*', metavar='NAME')
    parser.add_argument('--seeds', type=positive, metavar='N',
                        help='so many for each, whatever its class (E 1000, M and H 5000)')
    parser.add_argument('--first-seed', type=int, default=1, metavar='N')
    parser.add_argument('-j', dest='jobs', type=positive, default=os.cpu_count() or 1, metavar='N',
                        help='worker processes (one a core)')
    parser.add_argument('--list', action='store_true', help='name the mutants and what they are')
    parser.add_argument('--check', action='store_true', help='only see that patches apply and schedules can be read')
    parser.add_argument('--build', action='store_true', help='only build the programs')
    parser.add_argument('--program', metavar='FILE',
                        help='with --check: the simulator of this tree; own schedules must pass on it')
    parser.add_argument('--fresh', action='store_true', help='forget earlier verdicts')
    parser.add_argument('--shrink', type=int, default=SHRINK_S, metavar='S',
                        help=f'seconds to shrink each first failure ({SHRINK_S}); 0 = off')
    parser.add_argument('--markdown', metavar='FILE', help='write the table, what waits and known ablations as a page')
    parser.add_argument('--ablate', choices=mutant_ablations.KINDS,
                        help='which check, or which fault, left out, loses which mutants?')
    arguments = parser.parse_args(argv)
    if arguments.markdown and (arguments.names or arguments.seeds or arguments.ablate):
        raise Usage('--markdown is of all mutants, each with the seeds of its class')
    if arguments.first_seed < 0 or arguments.shrink < 0:
        raise Usage('--first-seed and --shrink are not negative')
    return arguments


class Bench:
    """Builds and runs what the table needs: the next program is built while this one is simulated."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.work = mutant_builds.WORK
        self.builds = mutant_builds.Builds(arguments.jobs)
        suite = {path: content for path, content in mutant_builds.files_of(
            [path for path in mutant_runs.SUITES if (mutant_builds.ROOT / path).is_dir()]).items()
            if path.endswith('.json')}
        self.runs = mutant_runs.Simulations(mutant_runs.Verdicts(arguments.fresh), suite, arguments)
        self.suite_folder = mutant_builds.keep(self.work / 'suites', suite)
        self.builder = concurrent.futures.ThreadPoolExecutor(1)

    def row_of(self, name, mutant, seeds, program, control):
        """`program`, `control`: futures of the programs. Without `control` only the standard scenarios are run."""
        row = Row(name, mutant)
        try:
            row.suite = self.runs.run_suite(program.result(), self.suite_folder, seeds)
            if mutant and control:
                self.add_schedule(row, program.result(), control)
                self.add_size(row, program.result())
        except (mutant_builds.BuildError, mutant_runs.RunError) as wrong:
            row.error = str(wrong)
        return row

    def add_schedule(self, row, program, control):
        content = mutant_patches.schedule_of(row.name)
        if content is None:
            return
        folder = mutant_builds.keep(self.work / 'schedules', {f'{row.name}.json': content})
        seeds = row.mutant.schedule_seeds
        row.schedule = self.runs.run_schedule(program, folder, row.name, content, seeds)
        row.control = self.runs.run_schedule(control.result(), folder, row.name, content, seeds)

    def add_size(self, row, program):
        seconds = self.arguments.shrink
        if row.verdict == 'found' and 'file' in row.suite and seconds and mutant_runs.can_shrink(program):
            row.shrunk = self.runs.shrink(program, self.suite_folder, row.suite, seconds)

    def programs_of(self, named):
        """{name: (where its program will be, a future of it)}."""
        sources = {name: self.builds.sources_of(mutant) for name, mutant in named}
        return {name: (self.builds.program_of(files), self.builder.submit(self.build, name, files))
                for name, files in sources.items()}

    def rows(self, named, longest):
        """Yields a row for each (name, mutant), in order."""
        programs = self.programs_of([(CONTROL, None), *named])
        for number, (name, mutant) in enumerate(named, 1):
            seeds = self.arguments.seeds or (mutant.seeds if mutant else longest)
            if self.runs.suite_known(programs[name][0], seeds) is None:
                say(f'[{number}/{len(named)}] {name}: up to {seeds} seeds …')
            yield self.row_of(name, mutant, seeds, programs[name][1], programs[CONTROL][1])

    def losses(self, kind, named):
        """What is lost with each check or fault left out, of those (name, mutant) that are found at all."""
        losses = mutant_ablations.Losses(kind)
        programs = self.programs_of(named)
        for number, (name, mutant) in enumerate(named, 1):
            say(f'[{number}/{len(named)}] {name}: {kind} …')
            row = self.row_of(name, mutant, self.arguments.seeds or mutant.seeds, programs[name][1], None)
            if row.error:
                raise mutant_runs.RunError(f'{name}: {row.error}')
            if row.verdict == 'found' and 'file' in row.suite:
                self.add_losses(losses, row, programs[name][1].result())
        return losses

    def add_losses(self, losses, row, program, known_only=False):
        for label, options in mutant_ablations.ablations_of(losses.kind, row.suite):
            told = mutant_ablations.outcome(self.runs, program, self.suite_folder, row, options, known_only)
            if told is None:
                continue
            losses.add(label, row, told)
            if told[0] != mutant_ablations.KEPT and not known_only:
                say(f'{row.name} without {label}: {told[0]}')

    def known_losses(self, kind, rows):
        """The same, of what was run before."""
        losses = mutant_ablations.Losses(kind)
        for row in rows:
            if row.mutant and row.verdict == 'found' and 'file' in row.suite:
                self.add_losses(losses, row, self.builds.program_of(self.builds.sources_of(row.mutant)), True)
        return losses

    def build_all(self, named):
        """True if every program is there now."""
        good = True
        for name, mutant in [(CONTROL, None), *named]:
            try:
                self.build(name, self.builds.sources_of(mutant))
            except mutant_builds.BuildError as wrong:
                say(f'{name}: {wrong}')
                good = False
        return good

    def build(self, name, sources):
        if not self.builds.program_of(sources).is_file():
            say(f'{name}: building …')
        return self.builds.build(sources)

    def stop(self):
        """Ends what is running, and waits for it."""
        self.builder.shutdown(wait=False, cancel_futures=True)
        for process in list(mutant_builds.running):
            process.terminate()
        self.builder.shutdown()


def check(good, bad, program):
    """What CI asks: do patches apply, can own schedules be read, do they pass without the bug?"""
    wrong = len(bad)
    without = []
    for mutant in good:
        content = mutant_patches.schedule_of(mutant.name)
        if content is None:
            without.append(mutant.name)
        elif program:
            result = mutant_runs.simulate(program, mutant_patches.PATCHES, [f'{mutant.name}.json'],
                                          ['--seeds', str(mutant.schedule_seeds), '--first-seed', '1', '--fail-fast',
                                           *mutant_runs.unshrunk(program)])
            if result['code'] != mutant_runs.PASS:
                say(f'tests/mutants/{mutant.name}.json: without the bug, after {result["seeds"]} seeds, '
                    f'{result["caught_by"]}: {result["what"]}')
                wrong += 1
    if without:
        say('no schedule of its own: ' + ' '.join(without))
    # What is wrong with a patch is told already: that its row has no mutant does not have to be told, too.
    rows = mutant_patches.wrong_rows(good, mutant_patches.waiting()) if not bad else []
    for line in rows:
        say(line)
        wrong += 1
    say(f'{len(good)} patches apply, {len(bad)} do not')
    return GATE if wrong else 0


def run_ablation(bench, kind, named):
    try:
        losses = bench.losses(kind, named)
    except (mutant_builds.BuildError, mutant_runs.RunError) as wrong:
        say(str(wrong))
        return SOFTWARE
    finally:
        bench.stop()
    for line in losses.lines():
        print(line)
    return 0


def run_all(named, arguments):
    longest = max([mutant.seeds for _, mutant in named if mutant], default=max(mutant_patches.SEEDS_OF_CLASS.values()))
    bench = Bench(arguments)
    if arguments.build:
        return 0 if bench.build_all(named) else SOFTWARE
    if arguments.ablate:
        return run_ablation(bench, arguments.ablate, [(name, mutant) for name, mutant in named if mutant])
    rows = []
    print(mutant_tables.line_of(mutant_tables.TITLES), flush=True)
    try:
        for row in bench.rows(named, longest):
            rows.append(row)
            print(mutant_tables.line_of(row.cells()), flush=True)
            if row.error:
                say(f'{row.name}: {row.error}')
            elif row.schedule_word in ('refused', 'control fails'):
                told = row.schedule if row.schedule_word == 'refused' else row.control
                say(f'tests/mutants/{row.name}.json: {row.schedule_word}: {told["caught_by"]} {told["what"]}')
    finally:
        bench.stop()
    for line in mutant_tables.summary_of(rows):
        print(line)
    if arguments.markdown:
        losses = [bench.known_losses(kind, rows) for kind in mutant_ablations.KINDS]
        page = mutant_page.page_of(rows, losses, mutant_patches.waiting(), arguments.first_seed)
        mutant_builds.write_atomically(pathlib.Path(arguments.markdown), page.encode())
    if any(row.error for row in rows):
        return SOFTWARE
    return 0 if all(row.good for row in rows) else GATE


def main(argv):
    try:
        arguments = parse_arguments(argv)
    except Usage as wrong:
        say(f'tools/dev mutants: {wrong}')
        return USAGE
    good, bad = mutant_patches.load_all()
    known = {mutant.name: mutant for mutant in good}
    every = [CONTROL, *known, *dict(bad)]
    for name in arguments.names:
        if name not in every:
            say(f'tools/dev mutants: no mutant "{name}"{mutant_patches.nearest(name, every)}')
            return USAGE
    if arguments.list:
        for mutant in good:
            print(f'{mutant.id:5} {mutant.klass} {mutant.name:40} {mutant.header["about"]}')
    for name, wrong in bad:
        say(f'tests/mutants/{name}.patch: {wrong}')
    if arguments.check:
        return check(good, bad, pathlib.Path(arguments.program).resolve() if arguments.program else None)
    if arguments.list:
        return GATE if bad else 0
    named = [(name, known.get(name)) for name in arguments.names or [CONTROL, *known]
             if name == CONTROL or name in known]
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    try:
        code = run_all(named, arguments)
    except KeyboardInterrupt:
        say('interrupted; what was found out is kept')
        return INTERRUPTED
    asked_for = [name for name, _ in bad if not arguments.names or name in arguments.names]
    return code or (GATE if asked_for else 0)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
