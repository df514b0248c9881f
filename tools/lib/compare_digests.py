#!/usr/bin/env python3
"""Fails when two reports of the same seeds name different trace digests.

usage: compare_digests.py REPORT REPORT...      (written by `quorate-sim run --json`)
"""
import json
import pathlib
import sys


def digests(path):
    """{seed: (file, digest, events)} of a report."""
    report = json.loads(pathlib.Path(path).read_text(encoding='utf-8'))
    return {run['seed']: (run.get('scenario'), run['digest'], run.get('events')) for run in report['runs']}


def main(paths):
    if len(paths) < 2:
        print('usage: compare_digests.py REPORT REPORT...', file=sys.stderr)
        return 64
    first = digests(paths[0])
    bad = 0 if first else 1
    for path in paths[1:]:
        other = digests(path)
        for seed in sorted(first.keys() | other.keys()):
            if first.get(seed) != other.get(seed):
                print(f'seed {seed}: {paths[0]} has {first.get(seed)}, {path} has {other.get(seed)}')
                bad += 1
    print(f'{len(first)} seeds, {len(paths)} builds, {bad} differences')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
