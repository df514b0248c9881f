#!/usr/bin/env python3
"""Makes a C++ header of what docs/invariants.md says that each invariant holds.

usage: invariant_texts.py DOCUMENT HEADER
"""
import re
import sys

ROW = re.compile(r'^\| ([A-Z]+-?[0-9a-z]*) \| (.*) \|$')


def main(arguments):
    with open(arguments[0], encoding='utf-8') as document:
        rows = [match.groups() for match in map(ROW.match, document) if match]
    if not rows:
        print(f'{arguments[0]}: no table of invariants', file=sys.stderr)
        return 1
    with open(arguments[1], 'w', encoding='utf-8') as header:
        header.write('// What each invariant holds, from docs/invariants.md; made by the build.\n#pragma once\n'
                     '#include <string_view>\n#include <utility>\n\nnamespace quorate::sim {\n\n'
                     'inline constexpr std::pair<std::string_view, std::string_view> kInvariantTexts[] = {\n')
        for name, text in rows:
            escaped = text.replace('\\', '\\\\').replace('"', '\\"')
            header.write(f'    {{"{name}", "{escaped}"}},\n')
        header.write('};\n\n}  // namespace quorate::sim\n')
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
