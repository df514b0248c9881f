#!/usr/bin/env python3
"""The layer test and the symbol test catch what they are there for."""
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import check_layers
import check_sources
import check_symbols

ALLOWED = pathlib.Path(__file__).parent / 'engine_symbols.txt'


def tree(files):
    """The violations of a tree that holds `files` (path → text)."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding='utf-8')
        return check_layers.check_tree(root)


class Layers(unittest.TestCase):
    def refuses(self, path, text):
        self.assertEqual(len(tree({path: text})), 1, f'{path}: {text}')

    def accepts(self, path, text):
        self.assertEqual(tree({path: text}), [], f'{path}: {text}')

    def test_a_room_includes_only_the_rooms_it_may_know(self):
        self.refuses('engine/a.cc', '#include "storage/log_store.h"\n')
        self.refuses('storage/a.cc', '#include "net/codec.h"\n')
        self.refuses('net/a.cc', '#include "storage/log_store.h"\n')
        self.refuses('sim/a.cc', '#include "node/loop.h"\n')
        self.refuses('node/a.cc', '#include "sim/world.h"\n')
        self.refuses('tools/a.cc', '#include "tests/engine/helper.h"\n')
        self.accepts('sim/a.cc', '#include "storage/log_store.h"\n#include "net/codec.h"\n')
        self.accepts('storage/a.cc', '#include "engine/ports.h"\n')

    def test_every_include_is_written_from_the_root(self):
        self.refuses('engine/a.cc', '#include "a.h"\n')
        self.refuses('engine/raft/a.cc', '#include "../host.h"\n')

    def test_the_engine_has_no_clock_no_thread_no_file_no_hash_order(self):
        for header in ['chrono', 'random', 'thread', 'mutex', 'atomic', 'fstream', 'iostream', 'filesystem',
                       'unordered_map', 'unordered_set', 'ctime', 'unistd.h', 'sys/socket.h',
                       'cstdio', 'absl/container/flat_hash_map.h', 'absl/container/node_hash_set.h',
                       'absl/time/clock.h', 'absl/hash/hash.h', 'nlohmann/json.hpp']:
            self.refuses('engine/raft/a.cc', f'#include <{header}>\n')
            self.refuses('engine/raft/a.cc', f'#  include "{header}"\n'
                         if '/' in header else f'  #include <{header}>\n')
        self.accepts('engine/a.cc', '#include <vector>\n#include "absl/functional/function_ref.h"\n'
                     '#include "absl/container/btree_map.h"\n')
        self.accepts('engine/base/check.cc', '#include <cstdio>\n#include <cstdlib>\n')

    def test_the_simulator_depends_on_its_seed_only(self):
        for header in ['chrono', 'random', 'thread', 'unordered_map', 'absl/container/flat_hash_set.h']:
            self.refuses('sim/world.cc', f'#include <{header}>\n')
        self.accepts('sim/cli/run.cc', '#include <chrono>\n')
        self.refuses('sim/cli/run.cc', '#include <unordered_map>\n')
        self.refuses('sim/world.cc', '#include "storage/rocks_kv.h"\n')
        self.refuses('sim/cli/run.cc', '#include "net/tcp.h"\n')

    def test_rocksdb_and_sockets_have_one_file_each(self):
        self.refuses('storage/log_store.cc', '#include <rocksdb/db.h>\n')
        self.refuses('tests/storage/a_test.cc', '#include "rocksdb/db.h"\n')
        self.accepts('storage/rocks_kv.cc', '#include <rocksdb/db.h>\n')
        self.refuses('net/frame.cc', '#include <sys/socket.h>\n')
        self.accepts('net/tcp.cc', '#include <sys/socket.h>\n')

    def test_words_count_in_code_and_not_in_comments_or_strings(self):
        self.refuses('engine/a.h', 'double rate;\n')
        self.refuses('engine/a.h', 'using F = std::function<void()>;\n')
        self.refuses('engine/a.cc', "int n = 1'000; float f; int m = 1'000;\n")
        self.refuses('sim/a.cc', 'std::shuffle(a, b, g);\n')
        self.accepts('engine/a.h', '// a double vote, throw nothing\nconst char* s = "float";\n')
        self.accepts('engine/a.h', '/* double\n double */ int x;\n')
        self.accepts('sim/cli/a.cc', 'double percent = 0;\n')

    def test_a_violation_names_path_and_line(self):
        self.assertEqual(tree({'engine/a.cc': '\n\n#include <thread>\n'}),
                         ['engine/a.cc:3: engine/ may not include thread: the engine is pure'])


class Sources(unittest.TestCase):
    def test_a_source_that_no_meson_build_names_is_found(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / 'engine' / 'raft').mkdir(parents=True)
            (root / 'tests' / 'engine').mkdir(parents=True)
            for path in ['engine/host.cc', 'engine/raft/log.cc', 'engine/raft/new.cc', 'tests/engine/log_test.cc',
                         'tests/engine/new_test.cc']:
                (root / path).touch()
            (root / 'engine' / 'meson.build').write_text("files('host.cc', 'raft/log.cc')", encoding='utf-8')
            (root / 'tests' / 'engine' / 'meson.build').write_text("t = ['log_test']", encoding='utf-8')
            self.assertEqual(check_sources.unnamed(root), ['engine/raft/new.cc', 'tests/engine/new_test.cc'])


class Symbols(unittest.TestCase):
    def setUp(self):
        self.rules = check_symbols.parse_allowed(ALLOWED.read_text(encoding='utf-8'))

    def needs(self, symbol, where='raft_raft.cc.o'):
        return check_symbols.violations([(where, symbol)], set(), self.rules)

    def test_the_list_allows_no_clock_file_socket_thread_or_random_device(self):
        for symbol in ['time', 'clock_gettime', 'gettimeofday', 'nanosleep', 'rand', 'random', 'getrandom', 'open',
                       'openat', 'read', 'write', 'pread', 'pwrite', 'fsync', 'socket', 'send', 'recv', 'connect',
                       'fopen', 'fread', 'fwrite', 'getenv', 'printf', 'puts', 'pthread_create',
                       'pthread_mutex_lock', 'system', 'exit', 'malloc_usable_size',
                       '_ZNSt6chrono3_V212system_clock3nowEv', '_ZNSt6chrono3_V212steady_clock3nowEv',
                       '_ZNSt13random_device9_M_getvalEv', '_ZNSt6thread15_M_start_threadE',
                       '_ZSt4cout', '_ZNSt14basic_ofstreamIcSt11char_traitsIcEEC1Ev',
                       '_ZNSt10filesystem6existsERKNS_4pathE', '_ZN4absl7debian33NowEv',
                       '_ZN4absl7debian35Mutex4LockEv', '_ZN7rocksdb2DB4OpenE',
                       '_ZSt11_Hash_bytesPKvmm']:
            self.assertEqual(len(self.needs(symbol)), 1, symbol)

    def test_the_list_allows_memory_and_bytes(self):
        for symbol in ['memcpy', 'memcmp', '_Znwm', '_ZdlPvm', '__cxa_rethrow', '_Unwind_Resume']:
            self.assertEqual(self.needs(symbol), [], symbol)

    def test_only_the_check_handler_prints_and_aborts(self):
        for symbol in ['fprintf', 'stderr', 'abort']:
            self.assertEqual(self.needs(symbol, 'base_check.cc.o'), [], symbol)
            self.assertEqual(len(self.needs(symbol)), 1, symbol)

    def test_what_the_library_defines_itself_is_not_needed(self):
        self.assertEqual(check_symbols.violations([('a.o', 'own')], {'own'}, self.rules), [])

    def test_nm_of_a_real_object_shows_its_clock(self):
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder) / 'a.cc'
            source.write_text('#include <ctime>\nlong now() { return time(nullptr); }\n', encoding='utf-8')
            library = pathlib.Path(folder) / 'liba.a'
            compiler = shlex.split(os.environ.get('CXX', 'c++'))
            subprocess.run([*compiler, '-c', str(source), '-o', f'{folder}/a.o'], check=True)
            subprocess.run(['ar', 'crs', str(library), f'{folder}/a.o'], check=True)
            listed = subprocess.run(['nm', '-P', str(library)], capture_output=True, text=True, check=True)
            undefined, defined = check_symbols.parse_nm(listed.stdout)
            self.assertEqual(check_symbols.violations(undefined, defined, self.rules), [('a.o', 'time')])


if __name__ == '__main__':
    unittest.main()
