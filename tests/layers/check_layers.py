#!/usr/bin/env python3
"""Fails when a file includes what its room may not know. The tables below are the architecture.

usage: check_layers.py ROOT
Prints one line per violation, `path:line: reason`. Exit 0: none; 1: some; 64: bad usage.
"""
import fnmatch
import pathlib
import re
import sys

ROOMS = {
    'engine': set(),
    'storage': {'engine'},
    'net': {'engine'},
    'sim': {'engine', 'storage', 'net'},
    'node': {'engine', 'storage', 'net'},
    'tools': {'engine', 'storage', 'net', 'sim', 'node'},
    'tests': {'engine', 'storage', 'net', 'sim', 'node'},
}

# The leaves that the simulator replaces: it never sees the real ones.
REAL_LEAVES = ['storage/rocks_*', 'storage/threaded_log*', 'net/tcp*']

HASH_ORDER = ['unordered_map', 'unordered_set', 'absl/container/*hash*', 'absl/container/internal/*hash*',
              'absl/hash/*']
CLOCKS = ['chrono', 'ctime', 'time.h', 'sys/time.h', 'sys/timerfd.h', 'absl/time/*']
RANDOM = ['random', 'sys/random.h', 'absl/random/*']
THREADS = ['thread', 'stop_token', 'mutex', 'shared_mutex', 'atomic', 'condition_variable', 'future', 'semaphore',
           'latch', 'barrier', 'pthread.h', 'absl/synchronization/*']
FILES = ['fstream', 'iostream', 'filesystem', 'unistd.h', 'fcntl.h', 'dirent.h', 'sys/stat.h', 'sys/mman.h']
SOCKETS = ['sys/socket.h', 'sys/un.h', 'netinet/*', 'arpa/*', 'netdb.h']
POLLING = ['sys/epoll.h', 'sys/eventfd.h', 'sys/signalfd.h', 'sys/select.h', 'poll.h']
JSON = ['nlohmann/*']
ROCKSDB = ['rocksdb/*']

# (which files, what they may not include, except these files, why)
BANNED = [
    ('engine/*', CLOCKS + RANDOM + THREADS, [], 'the engine is pure'),
    ('engine/*', FILES + SOCKETS + POLLING + JSON, [], 'the engine does no I/O'),
    ('engine/*', ['cstdio', 'stdio.h', 'cstdlib', 'stdlib.h'], ['engine/base/check.cc'], 'the engine prints nothing'),
    ('engine/*', HASH_ORDER, [], 'hash order differs from run to run'),
    ('sim/*', HASH_ORDER, [], 'hash order differs from run to run'),
    ('sim/*', CLOCKS + RANDOM + THREADS, ['sim/cli/*'], 'a run depends on its seed only'),
    ('sim/*', REAL_LEAVES, [], 'the simulator replaces this leaf'),
    ('storage/*', JSON + RANDOM, [], 'the stores only store'),
    ('storage/*', CLOCKS, ['storage/threaded_log*'], 'the stores only store'),
    ('storage/*', THREADS, ['storage/threaded_log*', 'storage/rocks_kv.cc'], 'the disk thread has one file'),
    ('net/*', JSON, [], 'frames are bytes'),
    ('net/*', CLOCKS + RANDOM + THREADS + FILES, ['net/tcp*'], 'codec and link are pure'),
    ('*', ROCKSDB, ['storage/rocks_kv.cc'], 'RocksDB is known to storage/rocks_kv.cc only'),
    ('*', SOCKETS, ['net/tcp.cc', 'node/*', 'tests/*'], 'sockets are known to net/tcp.cc only'),
    ('*', POLLING, ['net/tcp.cc', 'storage/threaded_log*', 'sim/cli/*', 'node/*', 'tests/*'],
     'nothing but a real leaf waits for the world'),
]

# Words that a room's code (comments and strings taken out) does not need.
WORDS = [
    ('engine/*', r'\b(float|double)\b', [], 'no floating point in the engine'),
    ('engine/*', r'\bstd::function\b', [], 'the engine calls nobody back'),
    ('engine/*', r'\bthrow\b', [], 'the engine throws nothing'),
    ('engine/*', r'\b(rand|srand|random|getenv|time)\s*\(', [], 'the engine is pure'),
    ('sim/*', r'\b(float|double)\b', ['sim/cli/*'], 'no floating point in a decision of the simulator'),
    ('sim/*', r'\bstd::(shuffle|random_device|\w+_distribution|hash)\b', [], 'random choices are keyed'),
    ('sim/*', r'\b(system_clock|steady_clock|clock_gettime|gettimeofday)\b', ['sim/cli/*'],
     'a run depends on its seed only'),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# A raw string, a string, a character (not the ' inside 1'000), a comment.
NOT_CODE = re.compile(r'R"(\w*)\((?:.|\n)*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'|'
                      r'//[^\n]*|/\*(?:.|\n)*?\*/')


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def check_include(path, quote, target):
    """What is wrong with `#include target` in the file `path`; None if nothing is."""
    own = path.split('/')[0]
    room = target.split('/')[0]
    if quote == '"' and '/' not in target and not target.endswith('.inc'):
        return f'include "{target}" from the root, as "{own}/…"'
    if target.startswith(('.', '/')):
        return f'include "{target}" from the root'
    if '/' in target and room in ROOMS and room != own and room not in ROOMS[own]:
        return f'{own}/ may not include {target}'
    for files, patterns, exceptions, why in BANNED:
        if matches(path, [files]) and matches(target, patterns) and not matches(path, exceptions):
            return f'{own}/ may not include {target}: {why}'
    return None


def blank(match):
    return re.sub(r'[^\n]', ' ', match.group(0))


def check_file(root, path):
    text = (root / path).read_text(encoding='utf-8')
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        include = INCLUDE.match(line)
        reason = check_include(path, *include.groups()) if include else None
        if reason:
            found.append(f'{path}:{number}: {reason}')
    code = NOT_CODE.sub(blank, text)
    for files, word, exceptions, why in WORDS:
        if not matches(path, [files]) or matches(path, exceptions):
            continue
        for match in re.finditer(word, code):
            number = code.count('\n', 0, match.start()) + 1
            found.append(f'{path}:{number}: `{match.group(0).strip()}`: {why}')
    return found


def check_tree(root):
    """Every violation in the rooms under `root`, in order of path and line."""
    root = pathlib.Path(root)
    found = []
    for room in sorted(ROOMS):
        for file in sorted((root / room).rglob('*')):
            if file.suffix in {'.h', '.cc', '.inc'}:
                found += check_file(root, file.relative_to(root).as_posix())
    return found


def main(arguments):
    if len(arguments) != 1 or not (pathlib.Path(arguments[0]) / 'engine').is_dir():
        print('usage: check_layers.py ROOT   (ROOT holds engine/)', file=sys.stderr)
        return 64
    found = check_tree(arguments[0])
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
