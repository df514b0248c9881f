#!/usr/bin/env python3
"""Puts known bugs into the engine, one at a time, and sees whether the simulator finds them.

A mutant is a file tests/mutants/NAME.patch: a unified diff after a header of `# key: value` lines (see
tests/mutants/README.md). Each is applied to a copy of the tree under build/mutants/NAME, the simulator
is built there, and the smoke scenarios run until the first failure. The control, an unpatched copy, must
survive the same seeds. A verdict is kept until the patch or the tree changes.

Exit: 0 every mutant was found and the control survived; 4 not so, or a patch is not what it should be;
64 wrong usage; 70 a mutant could not be built or run.
"""
import argparse
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATCHES = ROOT / 'tests' / 'mutants'
WORK = ROOT / 'build' / 'mutants'
CONTROL = 'control'
SUITE = 'scenarios/smoke'
MAY_TOUCH = ('engine/', 'storage/')
MAX_LINES = 10
# What a copy of the tree needs in order to build the simulator and run the suite.
ROOMS = ['engine', 'storage', 'net', 'sim', 'tests', SUITE]
FILES = ['meson.build', 'meson_options.txt']
GATE, USAGE, SOFTWARE = 4, 64, 70


class BadPatch(Exception):
    """The message says what is wrong with it."""


@dataclasses.dataclass
class Mutant:
    name: str
    header: dict
    diff: str
    lines: int
    files: list

    @property
    def expected(self):
        return self.header['expect'].split()

    @property
    def rarity(self):
        """How many times the usual seeds it is given."""
        return int(self.header.get('rarity', '1'))


def parse(name, text):
    """The mutant in a patch file's text. Raises BadPatch."""
    header, diff = {}, []
    for line in text.splitlines(keepends=True):
        match = re.match(r'# (\w+): *(.*\S)\s*$', line)
        if match and not diff:
            header[match.group(1)] = match.group(2)
        elif diff or line.startswith(('diff --git ', '--- ')):
            diff.append(line)
    for key in ['id', 'about', 'expect', 'source']:
        if key not in header:
            raise BadPatch(f'the header has no line "# {key}: …"')
    if not re.fullmatch('[1-9][0-9]?', header.get('rarity', '1')):
        raise BadPatch('rarity is a number from 1 to 99')
    files = []
    for line in diff:
        if line.startswith(('--- ', '+++ ')):
            path = line[4:].split('\t')[0].strip()
            if path == '/dev/null' or not re.match(r'[ab]/', path):
                raise BadPatch(f'{path}: a mutant changes files that exist, named a/… and b/…')
            files.append(path[2:])
    files = sorted(set(files))
    if not files:
        raise BadPatch('holds no diff')
    for path in files:
        if not path.startswith(MAY_TOUCH):
            raise BadPatch(f'touches {path}; a mutant touches {" and ".join(MAY_TOUCH)} only')
    lines = sum(1 for line in diff if line[0] in '+-' and not line.startswith(('--- ', '+++ ')))
    if not 0 < lines <= MAX_LINES:
        raise BadPatch(f'changes {lines} lines; a mutant changes 1 to {MAX_LINES}')
    return Mutant(name, header, ''.join(diff), lines, files)


def apply(mutant, root=ROOT):
    """{path: text} of the patched files. Raises BadPatch."""
    with tempfile.TemporaryDirectory() as folder:
        stage = pathlib.Path(folder) / 'stage'
        for path in mutant.files:
            if not (root / path).is_file():
                raise BadPatch(f'there is no {path}')
            (stage / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / path, stage / path)
        done = subprocess.run(['git', 'apply', '-'], input=mutant.diff, cwd=stage, text=True, capture_output=True,
                              check=False, env={**os.environ, 'GIT_CEILING_DIRECTORIES': folder})
        if done.returncode != 0:
            raise BadPatch('does not apply: ' + ' '.join(done.stderr.split()))
        return {path: (stage / path).read_text(encoding='utf-8') for path in mutant.files}


def load_all():
    """([mutants that are right], [(name, what is wrong)]), by name."""
    good, bad = [], []
    for file in sorted(PATCHES.glob('*.patch')):
        try:
            mutant = parse(file.stem, file.read_text(encoding='utf-8'))
            apply(mutant)
            good.append(mutant)
        except BadPatch as wrong:
            bad.append((file.stem, str(wrong)))
    return good, bad


def tree():
    """{path: bytes} of everything a copy needs."""
    found = {}
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob('*')):
            if file.is_file() and '__pycache__' not in file.parts:
                found[file.relative_to(ROOT).as_posix()] = file.read_bytes()
    for name in FILES:
        if (ROOT / name).is_file():
            found[name] = (ROOT / name).read_bytes()
    return found


def sync(folder, wanted):
    """Makes `folder` hold exactly `wanted` (beside its build folder), touching only what differs."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.rglob('*'):
        path = file.relative_to(folder).as_posix()
        if file.is_file() and not path.startswith('build/') and path not in wanted:
            file.unlink()
    for path, content in wanted.items():
        file = folder / path
        if not file.is_file() or file.read_bytes() != content:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)


def build(folder):
    """The simulator of the tree in `folder`. Compilers' results are shared between copies through ccache."""
    env = {**os.environ, 'CXX': 'ccache g++', 'CXX_LD': 'lld', 'CCACHE_NOHASHDIR': '1', 'CCACHE_BASEDIR': str(folder)}
    target = folder / 'build'
    if not (target / 'build.ninja').is_file():
        shutil.rmtree(target, ignore_errors=True)
        run = subprocess.run(['meson', 'setup', str(target), str(folder)], env=env, text=True, capture_output=True,
                             check=False)
        if run.returncode != 0:
            raise RuntimeError(run.stdout[-4000:] + run.stderr[-4000:])
    run = subprocess.run(['ninja', '-C', str(target), 'sim/quorate-sim'], env=env, text=True, capture_output=True,
                         check=False)
    if run.returncode != 0:
        raise RuntimeError(run.stdout[-4000:] + run.stderr[-4000:])
    return target / 'sim' / 'quorate-sim'


def simulate(program, folder, seeds, first_seed):
    """{'code', 'seeds', 'cpu_s', 'caught_by', 'what'} of one run of the suite, until the first failure."""
    report = folder / 'report.json'
    report.unlink(missing_ok=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run([str(program), 'run', SUITE, '--seeds', str(seeds), '--first-seed', str(first_seed),
                          '--fail-fast', '--json', str(report)], cwd=folder, text=True,
                         capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if not report.is_file():
        raise RuntimeError(f'quorate-sim ended with {run.returncode} and wrote no report\n{run.stdout[-2000:]}'
                           f'{run.stderr[-2000:]}')
    return {**read_report(json.loads(report.read_text(encoding='utf-8'))), 'code': run.returncode,
            'cpu_s': round(cpu, 1)}


def read_report(report):
    """What the table needs of `quorate-sim run --json`: the failure with the smallest number."""
    failures = [finding for finding in report['findings'] if finding['verdict'] not in ('excused', 'unknown')]
    if not failures:
        return {'seeds': report['runs'], 'caught_by': '', 'what': ''}
    first = min(failures, key=lambda failure: failure['number'])
    return {'seeds': first['number'] + 1, 'caught_by': first['checker'], 'what': first['what']}


def verdict_of(name, result):
    """'found', 'survived', or what else happened."""
    if result['code'] == 0:
        return 'survived'
    if result['code'] in (1, 2, 3) and result['caught_by']:
        return 'found'
    return f'exit {result["code"]}'


def hash_of(files):
    digest = hashlib.sha256()
    for path, content in sorted(files.items()):
        digest.update(f'{path}\0{len(content)}\0'.encode())
        digest.update(content)
    return digest.hexdigest()


class Verdicts:
    """Verdicts of earlier runs, by everything they depend on."""

    def __init__(self, fresh):
        self.file = WORK / 'verdicts.json'
        self.known = {}
        if not fresh and self.file.is_file():
            self.known = json.loads(self.file.read_text(encoding='utf-8'))

    def get(self, key):
        return self.known.get(key)

    def put(self, key, result):
        self.known[key] = result
        WORK.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(self.known, indent=1), encoding='utf-8')


def examine(name, mutant, base, arguments, seeds, verdicts):
    files = dict(base)
    if mutant:
        files.update((path, text.encode()) for path, text in apply(mutant).items())
    key = f'{hash_of(files)} {seeds} {arguments.first_seed}'
    result = verdicts.get(key)
    if result is None:
        folder = WORK / name
        sync(folder, files)
        print(f'{name}: building …', file=sys.stderr, flush=True)
        program = build(folder)
        print(f'{name}: running up to {seeds} seeds …', file=sys.stderr, flush=True)
        result = simulate(program, folder, seeds, arguments.first_seed)
        verdicts.put(key, result)
    return result


def print_row(name, verdict, result, mutant):
    expected = ''
    if mutant and verdict == 'found':
        expected = 'as expected' if result['caught_by'] in mutant.expected else f'expected {mutant.header["expect"]}'
    print(f'{name:36} {verdict:10} {result["seeds"]:6} seeds {result["cpu_s"]:8.1f} cpu s  '
          f'{result["caught_by"]:8} {expected}', flush=True)


def main(argv):
    parser = argparse.ArgumentParser(prog='tools/dev mutants', add_help=True, exit_on_error=False)
    parser.add_argument('names', nargs='*')
    parser.add_argument('--seeds', type=int, default=1000)
    parser.add_argument('--first-seed', type=int, default=1)
    parser.add_argument('--list', action='store_true', help='name the mutants and what they are')
    parser.add_argument('--check', action='store_true', help='only see that every patch applies')
    parser.add_argument('--fresh', action='store_true', help='forget earlier verdicts')
    try:
        arguments, unknown = parser.parse_known_args(argv)
    except argparse.ArgumentError as wrong:
        print(f'tools/dev mutants: {wrong}', file=sys.stderr)
        return USAGE
    if unknown or arguments.seeds < 1:
        print(f'tools/dev mutants: what is "{" ".join(unknown) or "--seeds < 1"}"?', file=sys.stderr)
        return USAGE
    good, bad = load_all()
    known = {mutant.name: mutant for mutant in good}
    for name in arguments.names:
        if name != CONTROL and name not in known and name not in dict(bad):
            print(f'tools/dev mutants: no mutant "{name}"; there are: {" ".join([CONTROL, *known])}', file=sys.stderr)
            return USAGE
    if arguments.list:
        for mutant in good:
            print(f'{mutant.name:36} {mutant.header["id"]:5} {mutant.header["about"]}')
    for name, wrong in bad:
        print(f'tests/mutants/{name}.patch: {wrong}', file=sys.stderr)
    if arguments.list or arguments.check:
        print(f'{len(good)} patches apply, {len(bad)} do not', file=sys.stderr)
        return GATE if bad else 0

    base = tree()
    verdicts = Verdicts(arguments.fresh)
    failed = bool(bad)
    names = arguments.names or [CONTROL, *known]
    # The control has to survive whatever any of them is given.
    longest = max([known[name].rarity for name in names if name in known], default=1)
    for name in names:
        mutant = known.get(name)
        if name != CONTROL and mutant is None:
            continue  # said above what is wrong with it
        try:
            seeds = arguments.seeds * (mutant.rarity if mutant else longest)
            result = examine(name, mutant, base, arguments, seeds, verdicts)
        except RuntimeError as wrong:
            print(f'{name}: {wrong}', file=sys.stderr)
            return SOFTWARE
        verdict = verdict_of(name, result)
        print_row(name, verdict, result, mutant)
        failed |= verdict != ('survived' if name == CONTROL else 'found')
    return GATE if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
