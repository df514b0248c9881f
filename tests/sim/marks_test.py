#!/usr/bin/env python3
"""Every mark that a source reaches stands in the table, and every mark of the table is reached somewhere.

usage: marks_test.py ROOT QUORATE_SIM
"""
import json
import pathlib
import re
import subprocess
import sys

REACHED = re.compile(r'\bSOMETIMES\s*\((?:[^;"]|"(?=[^"]*"\s*,))*?,\s*"([^"]+)"\s*\)'
                     r'|\bReachMark\s*\(\s*"([^"]+)"\s*\)'
                     r'|\bMark\s*\(\s*\w+\s*,\s*"([^"]+)"\s*\)')
CALLED = re.compile(r'\b(?:SOMETIMES|ReachMark)\s*\(|\bMark\s*\(\s*shared_?\s*,')
# Where the three are declared, not called.
DECLARATIONS = {'engine/base/check.h', 'engine/base/check.cc', 'sim/world/shared.h'}


def marks_of(root):
    """Names of marks → where they are reached; and the places where a call could not be read."""
    found, unread = {}, []
    for room in ('engine', 'storage', 'net', 'sim'):
        for path in sorted((root / room).rglob('*')):
            name = str(path.relative_to(root))
            if path.suffix not in ('.h', '.cc') or name in DECLARATIONS:
                continue
            text = re.sub(r'//[^\n]*', '', path.read_text(encoding='utf-8'))
            names = [next(filter(None, match.groups())) for match in REACHED.finditer(text)]
            if len(names) != len(CALLED.findall(text)):
                unread.append(name)
            for mark in names:
                found.setdefault(mark, name)
    return found, unread


def main():
    root = pathlib.Path(sys.argv[1])
    schema = json.loads(subprocess.run([sys.argv[2], 'schema'], check=True, capture_output=True).stdout)
    table = schema['$defs']['mark']['enum']
    reached, unread = marks_of(root)
    wrong = [f'{name}: a call that names no mark' for name in unread]
    wrong += [f'{where}: reaches "{mark}", which is not in the table'
              for mark, where in reached.items() if mark not in table]
    wrong += [f'"{mark}" stands in the table and is reached nowhere' for mark in table if mark not in reached]
    if table != sorted(table):
        wrong.append('the table is not in order')
    print('\n'.join(wrong) if wrong else f'ok: {len(table)} marks')
    return 1 if wrong else 0


sys.exit(main())
