"""One tree in which one mutant after the other is built, and the programs that came out of it.

Model: build/mutants/tree is a copy of the sources with one patch applied; the next patch touches only the files that
differ, so ninja compiles little and ccache most of that. A program is kept, stripped, under the hash of the sources it
was made from: build/mutants/bin/HASH. One process at a time uses the tree (a lock file); any number use the programs.
"""
import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess

from mutant_patches import ROOT, apply

WORK = ROOT / 'build' / 'mutants'
# What the program is made from, and what `meson setup` wants to see besides.
ROOMS = ['engine', 'storage', 'net', 'sim']
FILES = ['meson.build', 'meson_options.txt']
ALSO = ['tests', 'docs/invariants.md', 'tools/lib/invariant_texts.py']  # the latter two: texts of written cases
NOT = 'tests/mutants/'
MOST_PROGRAMS = 300

# Compilers that are running now, so that an interrupted run leaves none behind.
running = set()


class BuildError(Exception):
    """The message is the compiler's."""


def files_of(rooms, root=ROOT):
    """{path: bytes} of the files below `rooms` (folders or files)."""
    found = {}
    for room in rooms:
        for file in [root / room] if (root / room).is_file() else sorted((root / room).rglob('*')):
            path = file.relative_to(root).as_posix()
            if file.is_file() and '__pycache__' not in file.parts and not path.startswith(NOT):
                found[path] = file.read_bytes()
    return found


def hash_of(files):
    digest = hashlib.sha256()
    for path, content in sorted(files.items()):
        digest.update(f'{path}\0{len(content)}\0'.encode())
        digest.update(content)
    return digest.hexdigest()[:24]


@contextlib.contextmanager
def locked(file):
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, 'w', encoding='utf-8') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_atomically(file, content):
    """Whoever reads `file` sees the old content or the new one, and so does whoever comes after a crash."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f'{file.name}.{os.getpid()}.draft')
    with open(draft, 'wb') as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    os.replace(draft, file)


def sync(folder, wanted):
    """Makes `folder` hold exactly `wanted` (beside its build folder), touching only what differs."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.rglob('*'):
        path = file.relative_to(folder).as_posix()
        if not path.startswith('build/') and path not in wanted and file.is_file():
            file.unlink()
    for path, content in wanted.items():
        file = folder / path
        if not file.is_file() or file.read_bytes() != content:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)


def call(command, **options):
    """Runs a command to its end; (code, everything it said)."""
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options) as process:
        running.add(process)
        try:
            said, _ = process.communicate()
        finally:
            running.discard(process)
    return process.returncode, said


class Builds:
    """The sources as they were when this was made, and the programs of this tree and of its mutants."""

    def __init__(self, jobs, work=WORK, root=ROOT):
        self.jobs = jobs
        self.work = work
        self.base = files_of(ROOMS + FILES, root)
        self.beside = files_of(ALSO, root)

    def sources_of(self, mutant):
        """{path: bytes}; mutant None is the control."""
        patched = apply(mutant).items() if mutant else []
        return {**self.base, **{path: text.encode() for path, text in patched}}

    def program_of(self, sources):
        return self.work / 'bin' / hash_of(sources)

    def build(self, sources):
        """The program made from `sources`, from the shelf if it is there. Raises BuildError."""
        program = self.program_of(sources)
        if program.is_file():
            os.utime(program)
            return program
        with locked(self.work / 'tree.lock'):
            self.compile(sources, program)
        self.drop_old()
        return program

    def compile(self, sources, program):
        tree = self.work / 'tree'
        sync(tree, {**self.beside, **sources})
        env = {**os.environ, 'CXX': 'ccache g++', 'CXX_LD': 'lld', 'CCACHE_NOHASHDIR': '1'}
        target = tree / 'build'
        if not (target / 'build.ninja').is_file():
            shutil.rmtree(target, ignore_errors=True)
            code, said = call(['meson', 'setup', str(target), str(tree)], env=env)
            if code != 0:
                shutil.rmtree(target, ignore_errors=True)
                raise BuildError(said[-4000:])
        code, said = call(['ninja', '-C', str(target), f'-j{self.jobs}', 'sim/quorate-sim'], env=env)
        if code != 0:
            raise BuildError(said[-4000:])
        program.parent.mkdir(parents=True, exist_ok=True)
        draft = program.with_name(f'{program.name}.{os.getpid()}.draft')
        code, said = call(['strip', '-g', '-o', str(draft), str(target / 'sim' / 'quorate-sim')])
        if code != 0:
            raise BuildError(said)
        os.replace(draft, program)

    def drop_old(self):
        programs = sorted((self.work / 'bin').glob('*'), key=lambda file: file.stat().st_mtime)
        for program in programs[:-MOST_PROGRAMS]:
            program.unlink(missing_ok=True)


def keep(folder, files):
    """`files` under a folder named by their hash, so that an edit does not reach a run that has begun."""
    target = pathlib.Path(folder) / hash_of(files)
    if not target.is_dir():
        draft = target.with_name(f'{target.name}.{os.getpid()}.draft')
        for path, content in files.items():
            (draft / path).parent.mkdir(parents=True, exist_ok=True)
            (draft / path).write_bytes(content)
        try:
            draft.rename(target)
        except OSError:  # somebody else was faster
            shutil.rmtree(draft)
    return target
