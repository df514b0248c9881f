"""Mutants as files: tests/mutants/NAME.patch, NAME.json beside it, and the rows that wait.

A patch is a header of `# key: value` lines and a unified diff; tests/mutants/README.md says what stands in it.
Nothing here builds or runs anything.
"""
import dataclasses
import difflib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATCHES = ROOT / 'tests' / 'mutants'
MAY_TOUCH = ('engine/', 'storage/')
MAX_LINES = 10
# Rows of the catalogue of known bugs that speak of the consensus core, its storage and its sessions: letter, how many.
CATALOGUE = {'A': 17, 'B': 21, 'C': 8, 'D': 10, 'E': 19}
# How many simulations a mutant is given, by how hard its bug is to meet.
SEEDS_OF_CLASS = {'E': 1000, 'M': 5000, 'H': 5000}
SCHEDULE_SEEDS = 20
MOST_SCHEDULE_SEEDS = 200


class BadPatch(Exception):
    """The message says what is wrong with it."""


@dataclasses.dataclass
class Mutant:
    name: str
    header: dict
    diff: str
    lines: int
    files: list

    @property
    def id(self):
        return self.header['id']

    @property
    def row(self):
        """The catalogue's row; several patches of one row have letters behind it: D04, D04b."""
        return self.id[:3]

    @property
    def klass(self):
        return self.header['class']

    @property
    def expected(self):
        return self.header['expect'].split()

    @property
    def seeds(self):
        """How many simulations the standard suites are given to find it."""
        return SEEDS_OF_CLASS[self.klass] * int(self.header.get('rarity', '1'))

    @property
    def schedule_seeds(self):
        return int(self.header.get('schedule_seeds', str(SCHEDULE_SEEDS)))


def rows():
    """Every id of the catalogue, in order."""
    return [f'{letter}{number:02}' for letter, count in CATALOGUE.items() for number in range(1, count + 1)]


def check_header(header):
    for key in ['id', 'about', 'expect', 'source', 'class']:
        if key not in header:
            raise BadPatch(f'the header has no line "# {key}: …"')
    if not re.fullmatch('[A-Z][0-9]{2}[a-z]?', header['id']):
        raise BadPatch(f'id is a letter and two digits, not "{header["id"]}"')
    if header['class'] not in SEEDS_OF_CLASS:
        raise BadPatch(f'class is one of {" ".join(SEEDS_OF_CLASS)}, not "{header["class"]}"')
    if not re.fullmatch('[1-9][0-9]?', header.get('rarity', '1')):
        raise BadPatch('rarity is a number from 1 to 99')
    if 'rarity' in header and header['id'][:3] in rows():
        raise BadPatch('rarity is for bugs of our own; a row of the catalogue has the seeds of its class')
    seeds = header.get('schedule_seeds', '1')
    if not re.fullmatch('[1-9][0-9]{0,2}', seeds) or int(seeds) > MOST_SCHEDULE_SEEDS:
        raise BadPatch(f'schedule_seeds is a number from 1 to {MOST_SCHEDULE_SEEDS}')


def parse(name, text):
    """The mutant in a patch file's text. Raises BadPatch."""
    header, diff = {}, []
    for line in text.splitlines(keepends=True):
        match = re.match(r'# (\w+): *(.*\S)\s*$', line)
        if match and not diff:
            header[match.group(1)] = match.group(2)
        elif diff or line.startswith(('diff --git ', '--- ')):
            diff.append(line)
    check_header(header)
    files = []
    for line in diff:
        if line.startswith(('--- ', '+++ ')):
            path = line[4:].split('\t')[0].strip()
            if path == '/dev/null' or not re.match(r'[ab]/', path):
                raise BadPatch(f'{path}: a mutant changes files that exist, named a/… and b/…')
            files.append(path[2:])
    files = sorted(set(files))
    if not files:
        raise BadPatch('holds no diff')
    for path in files:
        if not path.startswith(MAY_TOUCH):
            raise BadPatch(f'touches {path}; a mutant touches {" and ".join(MAY_TOUCH)} only')
    lines = sum(1 for line in diff if line[0] in '+-' and not line.startswith(('--- ', '+++ ')))
    if not 0 < lines <= MAX_LINES:
        raise BadPatch(f'changes {lines} lines; a mutant changes 1 to {MAX_LINES}')
    return Mutant(name, header, ''.join(diff), lines, files)


def apply(mutant, root=ROOT):
    """{path: text} of the patched files. Raises BadPatch."""
    with tempfile.TemporaryDirectory() as folder:
        stage = pathlib.Path(folder) / 'stage'
        for path in mutant.files:
            if not (root / path).is_file():
                raise BadPatch(f'there is no {path}')
            (stage / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / path, stage / path)
        done = subprocess.run(['git', 'apply', '-'], input=mutant.diff, cwd=stage, text=True, capture_output=True,
                              check=False, env={**os.environ, 'GIT_CEILING_DIRECTORIES': folder})
        if done.returncode != 0:
            raise BadPatch('does not apply: ' + ' '.join(done.stderr.split()))
        return {path: (stage / path).read_text(encoding='utf-8') for path in mutant.files}


def schedule_of(name, folder=PATCHES):
    """The bytes of a mutant's own scenario, or None. Raises BadPatch if it is no JSON object."""
    file = folder / f'{name}.json'
    if not file.is_file():
        return None
    content = file.read_bytes()
    try:
        if not isinstance(json.loads(content), dict):
            raise BadPatch(f'{name}.json: is no JSON object')
    except ValueError as wrong:
        raise BadPatch(f'{name}.json: {wrong}') from wrong
    return content


def waiting(folder=PATCHES):
    """{row: why it has no mutant}."""
    file = folder / 'waiting.json'
    return json.loads(file.read_text(encoding='utf-8')) if file.is_file() else {}


def load_all(folder=PATCHES, root=ROOT):
    """([mutants that are right], [(name, what is wrong)]), by name."""
    good, bad = [], []
    owner = {}
    for file in sorted(folder.glob('*.patch')):
        try:
            mutant = parse(file.stem, file.read_text(encoding='utf-8'))
            apply(mutant, root)
            schedule_of(mutant.name, folder)
            if mutant.id in owner:
                raise BadPatch(f'has the id of {owner[mutant.id]}; a second patch of a row is called {mutant.row}b')
            owner[mutant.id] = mutant.name
            good.append(mutant)
        except BadPatch as wrong:
            bad.append((file.stem, str(wrong)))
    return good, bad


def wrong_rows(mutants, reasons):
    """One line for each row that has neither a mutant nor a reason, or that has both, or that is none."""
    have = {mutant.row: mutant.name for mutant in mutants}
    wrong = []
    for row in rows():
        if row not in have and row not in reasons:
            wrong.append(f'{row}: no mutant, and waiting.json does not say why')
        if row in have and row in reasons:
            wrong.append(f'{row}: waiting.json says why there is no mutant, and there is {have[row]}')
    wrong += [f'{row}: waiting.json names a row that is none' for row in sorted(set(reasons) - set(rows()))]
    return wrong


def nearest(name, names):
    """' "x" is one', or '' if nothing is near."""
    near = difflib.get_close_matches(name, names, 1, 0.4)
    return f'; "{near[0]}" is one' if near else ''
