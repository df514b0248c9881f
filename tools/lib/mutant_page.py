"""docs/mutants.md: what is known about the mutants, for a reader who has never run them."""
import subprocess

import mutant_tables
from mutant_ablations import KEPT, LATER, LOST
from mutant_patches import ROOT, SEEDS_OF_CLASS

HEAD = '''# Mutants: known bugs, and how fast they are found

Made by `tools/dev mutants --markdown docs/mutants.md`; not edited by hand. Measured on commit {commit}, first seed
{first_seed}.

A mutant is the engine with one known bug put back into it (`tests/mutants/`). The standard scenarios, `scenarios/smoke`
and `scenarios/nightly`, are run against each until the first failure: up to {easy} simulations for a bug that is easy
to meet (class E), {medium} for one that is not (M) or is rare (H). `tools/dev mutants NAME` repeats a line. *cpu s* is
the processor time until then. *own schedule*: the scenario written by hand for this bug fails with it (by which
check) and passes without it. *shrunk to*: nodes, client operations, faults and events of the first failure after
shrinking.

'''


def commit():
    def git(*words):
        return subprocess.run(['git', *words], cwd=ROOT, text=True, capture_output=True, check=False).stdout.strip()
    changed = git('status', '--porcelain', '--', 'engine', 'storage', 'net', 'sim', 'scenarios', 'tests/mutants')
    return (git('rev-parse', '--short=12', 'HEAD') or 'unknown') + (' with changes' if changed else '')


def table(titles, rows):
    lines = ['| ' + ' | '.join(titles) + ' |', '|' + '---|' * len(titles)]
    return lines + ['| ' + ' | '.join(cell.replace('|', '\\|') for cell in row) + ' |' for row in rows]


def control_line(row):
    if row.verdict == 'survived':
        return f'The control, without any bug, survived {row.suite["seeds"]} simulations.'
    return f'The control, without any bug, did not survive: {row.suite["caught_by"]} {row.suite["what"]}'


def mutants_table(rows):
    cells = []
    for row in sorted((row for row in rows if row.mutant), key=lambda row: row.mutant.id):
        number, name, klass, verdict, seeds, cpu, caught_by, expected, own, size = row.cells()
        if expected == 'no':
            caught_by += f' (expected {row.mutant.header["expect"]})'
        told = seeds if verdict == 'found' else f'**{verdict}** {seeds}'
        cells.append([number, f'[{name}](../tests/mutants/{name}.patch)', row.mutant.header['about'], klass, told, cpu,
                      caught_by, own, size])
    return table(['id', 'mutant', 'the bug', 'class', 'seeds', 'cpu s', 'by', 'own schedule', 'shrunk to'], cells)


def waiting_lines(waiting):
    by_reason = {}
    for row, reason in sorted(waiting.items()):
        by_reason.setdefault(reason, []).append(row)
    return table(['rows', 'why'], [[' '.join(rows), reason] for reason, rows in by_reason.items()])


def losses_table(losses):
    def some(names):
        return f'{len(names)}: {", ".join(names)}' if names else '0'

    cells = []
    harmless = losses.harmless() if losses.kind == 'faults' else []
    for label in losses.labels():
        if label in harmless:
            continue
        later = losses.names(label, LATER)
        cells.append([label, str(len(losses.outcomes[label])), str(len(losses.names(label, KEPT))),
                      f'{len(later)}: {losses.later_text(label)}' if later else '0', some(losses.names(label, LOST))])
        if losses.kind == 'checks':
            cells[-1].append(losses.catchers(label))
    titles = ['left out', 'mutants', 'found by the same run', 'by another run (seeds before → after)', 'lost']
    lines = table(titles + (['caught now by'] if losses.kind == 'checks' else []), cells) if cells else []
    if harmless:
        lines += ['', f'Every mutant is found by the same run as before without: {", ".join(harmless)}.']
    return lines


ABOUT = {
    'checks': ('## Without a check',
               'Each mutant once more, without the check that had caught it first: does another one see the bug, or '
               'what follows from it?'),
    'faults': ('## Without a fault',
               'Each mutant once more, with one class of faults left out of every run. A mutant is lost if the seeds '
               'of its class do not find it any more.'),
}


def page_of(rows, losses, waiting, first_seed):
    """`losses`: one Losses a kind; those that nobody ran are left out."""
    lines = HEAD.format(commit=commit(), first_seed=first_seed, easy=SEEDS_OF_CLASS['E'],
                        medium=SEEDS_OF_CLASS['M']).splitlines()
    lines += [control_line(row) for row in rows if row.mutant is None]
    lines += [''] + [f'* {line}' for line in mutant_tables.summary_of(rows)] + ['']
    lines += mutants_table(rows)
    if waiting:
        lines += ['', '## Rows that wait', '',
                  'Bugs of the catalogue that cannot be put into this engine, or cannot be seen in it, yet.', '']
        lines += waiting_lines(waiting)
    for each in losses:
        if each.labels():
            lines += ['', ABOUT[each.kind][0], '', ABOUT[each.kind][1], ''] + losses_table(each)
    return '\n'.join(lines) + '\n'
