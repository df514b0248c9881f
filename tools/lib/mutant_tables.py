"""What is known about the mutants, as lines on a terminal and as docs/mutants.md."""
import dataclasses
import statistics

from mutant_runs import PASS, REFUSED, verdict_of

KLASSES = 'EMH'


@dataclasses.dataclass
class Row:
    """All that was found out about one mutant; `mutant` None is the control."""
    name: str
    mutant: object = None
    suite: dict = None      # a result, or None: not run
    schedule: dict = None   # a result of the mutant on its own schedule
    control: dict = None    # a result of the control on that schedule
    shrunk: dict = None     # {'nodes', 'operations', 'faults', 'events'}
    error: str = ''

    @property
    def verdict(self):
        if self.error:
            return 'error'
        return verdict_of(self.suite) if self.suite else 'not run'

    @property
    def as_expected(self):
        return bool(self.mutant and self.suite and self.suite['caught_by'] in self.mutant.expected)

    @property
    def schedule_word(self):
        """'ok …' or what is wrong with the mutant's own schedule."""
        if self.mutant is None:
            return ''
        if self.schedule is None:
            return 'no schedule'
        if verdict_of(self.schedule) != 'found' or self.schedule['caught_by'] == 'GATE':
            return 'refused' if self.schedule['code'] == REFUSED else 'not found'
        if self.control is None or self.control['code'] != PASS:
            return 'control fails'
        return f'ok {self.schedule["caught_by"]}'

    @property
    def good(self):
        if self.mutant is None:
            return self.verdict == 'survived'
        return self.verdict == 'found' and self.schedule_word.startswith('ok')

    @property
    def size(self):
        shrunk = self.shrunk
        return f'{shrunk["nodes"]} {shrunk["operations"]} {shrunk["faults"]} {shrunk["events"]}' if shrunk else '-'

    def cells(self):
        mutant = self.mutant
        ran = self.suite and not self.error
        expected = ''
        if self.verdict == 'found' and mutant:
            expected = 'yes' if self.as_expected else 'no'
        return [mutant.id if mutant else '-', self.name, mutant.klass if mutant else '-', self.verdict,
                str(self.suite['seeds']) if ran else '-', f'{self.suite["cpu_s"]:.1f}' if ran else '-',
                self.suite['caught_by'] if ran else '', expected, self.schedule_word, self.size if mutant else '']


TITLES = ['id', 'mutant', 'class', 'verdict', 'seeds', 'cpu s', 'by', 'expected', 'own schedule', 'shrunk to']
WIDTHS = [5, 40, 5, 9, 6, 8, 9, 8, 13, 0]
RIGHT = {'seeds', 'cpu s'}


def line_of(cells):
    """One line of the table on a terminal."""
    padded = [cell.rjust(width) if title in RIGHT else cell.ljust(width)
              for title, cell, width in zip(TITLES, cells, WIDTHS)]
    return '  '.join(padded).rstrip()


def share(rows):
    found = sum(1 for row in rows if row.verdict == 'found')
    return f'{found} of {len(rows)}' + (f' ({100 * found // len(rows)} %)' if rows else '')


def summary_of(rows):
    """Lines below the table."""
    mutants = [row for row in rows if row.mutant]
    if not mutants:
        return []
    by_class = ', '.join(f'{klass} {share(those)}' for klass in KLASSES
                         if (those := [row for row in mutants if row.mutant.klass == klass]))
    lines = [f'found: {share(mutants)}; by class: {by_class}']
    own = sum(1 for row in mutants if row.schedule_word.startswith('ok'))
    expected = [row for row in mutants if row.verdict == 'found']
    lines.append(f'own schedules: {own} of {len(mutants)} show the bug; '
                 f'caught by an expected invariant: {sum(1 for row in expected if row.as_expected)} of {len(expected)}')
    sizes = [row.shrunk for row in mutants if row.shrunk]
    if sizes:
        nodes, operations, faults = (statistics.median(size[key] for size in sizes)
                                     for key in ('nodes', 'operations', 'faults'))
        lines.append(f'shrunk: {len(sizes)}; median {nodes:g} nodes, {operations:g} operations, {faults:g} faults')
    lost = [row.name for row in mutants if row.verdict != 'found']
    if lost:
        lines.append('survivors: ' + ' '.join(lost))
    slow = sorted((row for row in mutants if row.verdict == 'found'), key=lambda row: -row.suite['seeds'])[:5]
    if len(slow) > 1:
        lines.append('found latest: ' + ', '.join(f'{row.name} ({row.suite["seeds"]})' for row in slow))
    return lines
