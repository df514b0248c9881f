#!/usr/bin/env python3
"""Fails when a source of the tree is named by no meson.build: it would be neither built nor run.

usage: check_sources.py ROOT
"""
import pathlib
import re
import sys

ROOMS = ['engine', 'storage', 'net', 'sim', 'node', 'tools', 'tests']


def named_by(build_file):
    """Names in quotes in one meson.build; a test may stand there without its `.cc`."""
    return set(re.findall(r"'([^'\n]+)'", build_file.read_text(encoding='utf-8')))


def is_named(root, source):
    folder = source.parent
    while folder != root:
        build_file = folder / 'meson.build'
        if build_file.is_file():
            name = source.relative_to(folder).as_posix()
            names = named_by(build_file)
            return bool({name, name.removesuffix('.cc'), source.name, source.name.removesuffix('.cc')} & names)
        folder = folder.parent
    return False


def unnamed(root):
    root = pathlib.Path(root)
    return [source.relative_to(root).as_posix()
            for room in ROOMS for source in sorted((root / room).rglob('*.cc')) if not is_named(root, source)]


def main(arguments):
    found = unnamed(arguments[0])
    for path in found:
        print(f'{path}: no meson.build names it')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
