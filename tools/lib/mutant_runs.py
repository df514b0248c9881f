"""Simulations of one program, what they say about a mutant, and the verdicts of earlier ones.

A *result* is a plain dictionary, kept as JSON:
  code       what quorate-sim ended with
  runs       how many simulations it was told to do
  seeds      how many it took to the first failure (all of them if there was none)
  cpu_s      processor time, of all its processes
  caught_by  the check that failed first ('' if none did), or GATE: a mark was missed, or too many runs were excused
  what, file, seed   of that failure
A verdict is kept under everything that it depends on: the program's sources, the scenarios, the seeds.
"""
import functools
import json
import os
import re
import subprocess
import tempfile

from mutant_builds import WORK, hash_of, locked, write_atomically

# A simulation takes milliseconds; one that takes this long will not come to an end.
RUN_LIMIT_S = 60
SUITES = ['scenarios/smoke', 'scenarios/nightly']
# Exit codes of quorate-sim.
PASS, SAFETY, LIVENESS, NON_DETERMINISM, GATE, UNKNOWN = 0, 1, 2, 3, 4, 5
REFUSED, SIMULATOR_BUG, OUT_OF_TIME, INTERRUPTED = 64, 70, 124, 130


class RunError(Exception):
    """A simulation that came to no result."""


def read_report(report):
    """What is kept of `quorate-sim run --json`: the failure with the smallest number."""
    failures = [finding for finding in report['findings'] if finding['verdict'] not in ('excused', 'unknown')]
    if not failures:
        missed = report.get('missed_gates', [])
        return {'seeds': report['runs'], 'caught_by': 'GATE' if missed else '', 'what': '; '.join(missed)}
    first = min(failures, key=lambda failure: failure['number'])
    found = {'seeds': first['number'] + 1, 'caught_by': first['checker'], 'what': first['what']}
    found.update({key: first[key] for key in ('file', 'seed', 'shrunk') if key in first})
    return found


def verdict_of(result):
    """'found', 'survived', or what else happened."""
    if result['code'] == PASS:
        return 'survived'
    # A crash of the engine is a crash of the simulator.
    if result['caught_by'] and result['code'] in (SAFETY, LIVENESS, NON_DETERMINISM, GATE, SIMULATOR_BUG, OUT_OF_TIME):
        return 'found'
    return f'exit {result["code"]}'


def wait_for(process):
    """(exit code, processor seconds of it and of what it waited for)."""
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime


def simulate(program, folder, paths, options):
    """The result of `quorate-sim run PATHS OPTIONS` in `folder`. Raises RunError."""
    with tempfile.TemporaryDirectory() as out:
        report = os.path.join(out, 'report.json')
        with open(os.path.join(out, 'said'), 'w+', encoding='utf-8', errors='replace') as said:
            command = [str(program), 'run', *paths, '--run-limit', str(RUN_LIMIT_S), *options, '--quiet',
                       '--json', report]
            code, cpu = wait_for(subprocess.Popen(command, cwd=folder, stdout=said, stderr=subprocess.STDOUT))
            said.seek(0)
            words = ' '.join(said.read()[-2000:].split())
        if code == INTERRUPTED:
            raise RunError('interrupted')
        if code == REFUSED:
            return {'code': code, 'runs': 0, 'seeds': 0, 'cpu_s': 0, 'caught_by': '', 'what': words}
        if not os.path.isfile(report):
            raise RunError(f'quorate-sim ended with {code} and wrote no report: {words}')
        with open(report, encoding='utf-8') as file:
            found = json.load(file)
    return {'code': code, **read_report(found), 'cpu_s': round(cpu, 2)}


def survived(seeds, longer):
    """The result of the first `seeds`, of which a longer run shows that nothing fails in them."""
    return {'code': PASS, 'runs': seeds, 'seeds': seeds, 'cpu_s': round(longer['cpu_s'] * seeds / longer['seeds'], 2),
            'caught_by': '', 'what': ''}


class Verdicts:
    """Verdicts of earlier runs. Every new one is on disk before the next run begins; two writers lose nothing."""

    def __init__(self, fresh=False, work=WORK):
        self.file = work / 'verdicts.json'
        self.lock = work / 'verdicts.lock'
        self.known = {} if fresh else self.read()

    def read(self):
        try:
            return json.loads(self.file.read_text(encoding='utf-8'))
        except (OSError, ValueError):
            return {}

    def get(self, key):
        return self.known.get(key)

    def put(self, key, result):
        self.known[key] = result
        with locked(self.lock):
            write_atomically(self.file, json.dumps({**self.read(), key: result}, indent=1).encode())

    def of_first(self, key, seeds):
        """What a run of the first `seeds` would say by what is known of more or fewer; None if that does not tell."""
        result = self.get(key)
        if result is None:
            return None
        if result['caught_by'] not in ('', 'GATE'):
            if result['seeds'] <= seeds:
                return result
            return survived(seeds, result)
        if result['runs'] == seeds:
            return result
        if result['code'] == PASS and result['runs'] > seeds:
            return survived(seeds, result)
        return None


class Simulations:
    """The runs that a mutant is judged by, each done once."""

    def __init__(self, verdicts, suite, options, paths=None):
        """`suite`: {path: bytes} of the standard scenarios; `options`: first_seed, jobs."""
        self.verdicts = verdicts
        self.suite = suite
        self.paths = paths or [path for path in SUITES if any(file.startswith(path + '/') for file in suite)]
        self.first_seed = options.first_seed
        self.jobs = options.jobs

    def suite_key(self, program, without=''):
        return f'suite {program.name} {hash_of(self.suite)} from {self.first_seed}{without}'

    def suite_known(self, program, seeds):
        return self.verdicts.of_first(self.suite_key(program), seeds)

    def run_suite(self, program, folder, seeds, extra=(), known_only=False):
        """The first failure of the standard scenarios. `extra`: options that the verdict depends on."""
        key = self.suite_key(program, ''.join(f' {word}' for word in extra))
        result = self.verdicts.of_first(key, seeds)
        if result is None and not known_only:
            result = simulate(program, folder, self.paths,
                              ['--seeds', str(seeds), '--first-seed', str(self.first_seed), '--fail-fast',
                               '-j', str(self.jobs), *unshrunk(program), *extra])
            result['runs'] = seeds
            self.verdicts.put(key, result)
        return result

    def run_again(self, program, folder, found, extra, known_only=False):
        """The run that failed, with other options."""
        key = f'again {self.suite_key(program)} {found["file"]} {found["seed"]} {" ".join(extra)}'
        result = self.verdicts.get(key)
        if result is None and not known_only:
            result = simulate(program, folder, [found['file']],
                              ['--seeds', '1', '--first-seed', str(found['seed']), '-j1',
                               *unshrunk(program), *extra])
            self.verdicts.put(key, result)
        return result

    @staticmethod
    def schedule_key(program, content, seeds):
        return f'schedule {program.name} {hash_of({"": content})} {seeds}'

    def run_schedule(self, program, folder, name, content, seeds):
        """The first failure of a mutant's own scenario; its seeds begin at 1 whatever the others begin at."""
        key = self.schedule_key(program, content, seeds)
        result = self.verdicts.get(key)
        if result is None:
            result = simulate(program, folder, [f'{name}.json'],
                              ['--seeds', str(seeds), '--first-seed', '1', '--fail-fast', '-j', str(self.jobs),
                               *unshrunk(program)])
            self.verdicts.put(key, result)
        return result

    def shrink_key(self, program, found, seconds):
        return f'shrink {program.name} {hash_of(self.suite)} {found["file"]} {found["seed"]} {seconds}'

    def shrink(self, program, folder, found, seconds):
        """{'nodes', 'operations', 'faults', 'events'} of the shrunk failure, or None: the program could not."""
        key = self.shrink_key(program, found, seconds)
        result = self.verdicts.get(key)
        if result is None:
            with tempfile.TemporaryDirectory() as artifacts:
                result = simulate(program, folder, [found['file']],
                                  ['--seeds', '1', '--first-seed', str(found['seed']), '-j', str(self.jobs),
                                   '--shrink', str(seconds), '--out', artifacts])
            self.verdicts.put(key, result)
        return result.get('shrunk')


def unshrunk(program):
    """Options: the first failure is wanted at once, and it is not to leave files behind."""
    return ['--shrink', '0'] if can_shrink(program) else []


@functools.lru_cache(maxsize=None)
def can_shrink(program):
    said = subprocess.run([str(program), 'run', '--help'], text=True, capture_output=True, check=False).stdout
    return re.search(r'^\s*--shrink\b', said, re.MULTILINE) is not None
