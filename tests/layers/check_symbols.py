#!/usr/bin/env python3
"""Fails when the engine library needs a symbol that does not stand in the list of allowed ones.

An include rule can be evaded by a declaration; what the linker is asked for cannot. The list holds
patterns of mangled names, one a line; `pattern @ object` allows it in that object file only; `#` begins
a comment. A pattern is matched as the shell does (`*`, `?`, `[…]`).

usage: check_symbols.py LIBRARY ALLOWED
Exit 0: nothing else is needed; 1: something is; 64: bad usage.
"""
import fnmatch
import pathlib
import re
import subprocess
import sys


def parse_nm(text):
    """(object, symbol) pairs that are undefined, and the set of symbols that are defined."""
    undefined, defined, current = [], set(), ''
    for line in text.splitlines():
        if line.endswith(':'):
            current = re.split(r'[/\[]', line[:-1].rstrip(']'))[-1]  # archive[path/to/member]
            continue
        parts = line.split()
        if len(parts) < 2:
            continue
        name, kind = parts[0], parts[1]
        if kind in 'Uwv':
            undefined.append((current, name))
        else:
            defined.add(name)
    return undefined, defined


def parse_allowed(text):
    """[(pattern, object or None)]"""
    rules = []
    for line in text.splitlines():
        line = line.split('#')[0].strip()
        if line:
            pattern, _, where = (part.strip() for part in line.partition('@'))
            rules.append((pattern, where or None))
    return rules


def violations(undefined, defined, rules):
    found = []
    for where, name in undefined:
        if name in defined:
            continue
        if not any(fnmatch.fnmatchcase(name, pattern) and (only is None or fnmatch.fnmatchcase(where, only))
                   for pattern, only in rules):
            found.append((where, name))
    return sorted(set(found))


def demangle(name):
    done = subprocess.run(['c++filt', name], capture_output=True, text=True, check=False)
    return done.stdout.strip() or name


def main(arguments):
    if len(arguments) != 2:
        print('usage: check_symbols.py LIBRARY ALLOWED', file=sys.stderr)
        return 64
    library, allowed = arguments
    listed = subprocess.run(['nm', '-P', library], capture_output=True, text=True, check=True)
    undefined, defined = parse_nm(listed.stdout)
    if not undefined:
        print(f'{library}: nm names no undefined symbol at all; is this the library?')
        return 1
    found = violations(undefined, defined, parse_allowed(pathlib.Path(allowed).read_text(encoding='utf-8')))
    for where, name in found:
        print(f'{where}: the engine may not need {name}  ({demangle(name)})')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
