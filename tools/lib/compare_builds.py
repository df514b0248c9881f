#!/usr/bin/env python3
"""Fails when two builds of quorate-sim do not run the same seeds in the same way.

usage: compare_builds.py [--suite PATH] [--seeds N] [--first-seed N] PROGRAM PROGRAM...
Compares the digest over all runs; when it differs, names the first run that does.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile


def run_suite(program, arguments, folder):
    """The report of `program` on the suite."""
    report = pathlib.Path(folder) / 'report.json'
    report.unlink(missing_ok=True)
    done = subprocess.run([program, 'run', arguments.suite, '--seeds', str(arguments.seeds), '--first-seed',
                           str(arguments.first_seed), '--json', str(report)], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0 and not report.is_file():
        sys.exit(f'{program} ended with {done.returncode}\n{done.stdout}{done.stderr}')
    return json.loads(report.read_text(encoding='utf-8'))


def digest_of(program, file, seed):
    done = subprocess.run([program, 'replay', file, '--seed', str(seed), '--digest'], capture_output=True, text=True,
                          check=False)
    return done.stdout.strip()


def name_first_difference(programs, files, arguments):
    for number in range(arguments.seeds):
        file, seed = files[number % len(files)], arguments.first_seed + number
        found = {program: digest_of(program, file, seed) for program in programs}
        if len(set(found.values())) > 1:
            print(f'quorate-sim replay {file} --seed {seed}')
            for program, digest in found.items():
                print(f'  {digest}  {program}')
            return
    print('each run by itself is the same in all builds: what differs is how they are added up')


def main(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument('programs', nargs='+')
    parser.add_argument('--suite', default='scenarios/smoke')
    parser.add_argument('--seeds', type=int, default=16)
    parser.add_argument('--first-seed', type=int, default=1)
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        reports = {program: run_suite(program, arguments, folder) for program in arguments.programs}
    for program, report in reports.items():
        print(f'{report["digest"]}  {report["runs"]} runs, {report["events"]} events  {program}')
    if len({report['digest'] for report in reports.values()}) == 1:
        return 0
    files = [file['file'] for file in next(iter(reports.values()))['files']]
    name_first_difference(arguments.programs, files, arguments)
    return 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
