"""What is lost when a check or a fault is left out: which mutants are then found later, or not at all.

Model: a mutant is looked at again only by what can make a difference. A check that did not catch it first changes
nothing, so each mutant loses its own catcher and no other. The failing run of before is repeated first: if it still
fails, the mutant is kept, at the price of one simulation. Only if it passes the standard scenarios run again, up to
the seeds of its class.
"""
import mutant_runs

# Faults that are left out together: what the table calls them, and the paths in a scenario. Every fault of the network,
# of disks, of processes and of clocks stands in one of them.
FAULTS = {
    'crashes': 'process.crash',
    'crashes in the middle of a write': 'process.aimed_crash',
    'lost unsynced writes': 'disk.crash_unsynced',
    'emptied disks': 'process.wipe',
    'disks that forget': 'disk.lying_sync,process.old_image',
    'maps that are flushed unasked': 'disk.self_flush',
    'pauses': 'process.pause',
    'partitions': 'network.partition',
    'broken connections': 'network.disconnect',
    'clogged links': 'network.clog,network.swizzle',
    'lost frames': 'network.loss',
    'lost requests and answers': 'network.client_loss',
    'duplicates': 'network.duplicate',
    'reordering': 'network.reorder',
    'late and overflowing links': 'network.tail,network.capacity',
    'damaged frames': 'network.corrupt',
    'failing disks': 'disk.sync_error,disk.write_error,disk.map_error',
    'corrupt rows': 'disk.corrupt_row',
    'slow, standing and full disks': 'disk.slow,disk.stall,disk.full',
    'clocks': 'clocks',
    'transfers': 'workload.ops.transfer',
    'changes of members': 'workload.change_members',
    'small limits': 'cluster.options',
}
KINDS = ['checks', 'faults']
KEPT, LATER, LOST = 'kept', 'later', 'lost'


def ablations_of(kind, suite):
    """[(label, options)] of what to leave out for a mutant whose first failure is `suite`."""
    if kind == 'faults':
        return [(label, ['--without', paths]) for label, paths in FAULTS.items()]
    # Crashes of the program and runs without end are told by nobody who could be left out.
    if suite['caught_by'] in ('CRASH', 'TIME', 'DETERMINISM', 'GATE'):
        return []
    return [(suite['caught_by'], ['--ignore-check', suite['caught_by']])]


def outcome(runs, program, folder, row, options, known_only=False):
    """(KEPT | LATER | LOST, result) of a mutant that had been found; None if it is not known and may not be run."""
    same = runs.run_again(program, folder, row.suite, options, known_only)
    if same is None:
        return None
    if mutant_runs.verdict_of(same) == 'found':
        return KEPT, same
    seeds = row.mutant.seeds
    again = runs.run_suite(program, folder, seeds, options, known_only)
    if again is None:
        return None
    if again['code'] == mutant_runs.REFUSED:
        raise mutant_runs.RunError(again['what'])
    return (LATER if mutant_runs.verdict_of(again) == 'found' else LOST), again


class Losses:
    """Outcomes by what was left out."""

    def __init__(self, kind):
        self.kind = kind
        self.outcomes = {label: {} for label in (FAULTS if kind == 'faults' else [])}

    def add(self, label, row, told):
        self.outcomes.setdefault(label, {})[row.name] = (row, *told)

    def names(self, label, which):
        return [name for name, (_, what, _) in self.outcomes[label].items() if what == which]

    def later_text(self, label):
        return ', '.join(f'{name} ({row.suite["seeds"]} → {result["seeds"]})'
                         for name, (row, what, result) in self.outcomes[label].items() if what == LATER)

    def catchers(self, label):
        """By which other checks what was kept or found later is caught now."""
        others = sorted({result['caught_by'] for _, what, result in self.outcomes[label].values() if what != LOST})
        return ' '.join(others)

    def labels(self):
        """The greatest loss first."""
        return sorted((label for label in self.outcomes if self.outcomes[label]),
                      key=lambda label: (-len(self.names(label, LOST)), -len(self.names(label, LATER)), label))

    def harmless(self):
        """Labels without which every mutant is found by the same run as before."""
        return [label for label in self.labels() if not self.names(label, LATER) and not self.names(label, LOST)]

    def lines(self):
        """For a terminal."""
        lines = []
        for label in self.labels():
            total = len(self.outcomes[label])
            now = self.catchers(label) if self.kind == 'checks' else ''
            lines.append(f'without {label}: {len(self.names(label, KEPT))} of {total} still found by the same run, '
                         f'{len(self.names(label, LATER))} by another, {len(self.names(label, LOST))} lost'
                         + (f'; now by {now}' if now else ''))
            if self.names(label, LATER):
                lines.append(f'    by another run: {self.later_text(label)}')
            if self.names(label, LOST):
                lines.append(f'    lost: {" ".join(self.names(label, LOST))}')
        return lines
