#!/usr/bin/env python3
"""The recipes of tools/ci: what they run is run here, with a simulator that simulates nothing, and what comes out is
what one machine would have told.

usage: ci_test.py FAKE_QUORATE_SIM
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

try:
    import yaml
except ImportError:
    yaml = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
CI = ROOT / 'tools' / 'ci'
SIM = ''

# Fails in one run of one.json; two.json asks for a mark that one run alone reaches.
ONE = '{"format":1,"about":"One.","checks":{"determinism":0.2}}'
TWO = '{"format":1,"about":"Two.","marks":{"require":["figure8.shape"],"after_runs":5}}'

SBATCH = r'''#!/bin/sh
# Stands in for Slurm: runs what is submitted at once, task by task, and prints the number of the job.
echo "$*" >>"$SBATCH_LOG"
array=''
while :; do
  case $1 in
    --array=*) array=${1#--array=}; shift ;;
    --*) shift ;;
    *) break ;;
  esac
done
if [ -n "$array" ]; then
  task=${array%-*}
  while [ "$task" -le "${array#*-}" ]; do
    SLURM_ARRAY_TASK_ID=$task SLURM_CPUS_PER_TASK=2 "$@" >>"$SBATCH_LOG.tasks" 2>&1
    echo $? >>"$SBATCH_LOG.codes"
    task=$((task + 1))
  done
  echo 4711
else
  "$@" >"$SBATCH_LOG.merge" 2>&1
  echo $? >"$SBATCH_LOG.verdict"
  echo '4712;cluster'
fi
'''


def call(*words, **environment):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, cwd=ROOT,
                          env={**os.environ, **{name: str(value) for name, value in environment.items()}})


class Recipe(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = pathlib.Path(folder.name)
        self.scenarios = self.work / 'scenarios'
        self.scenarios.mkdir()
        (self.scenarios / 'one.json').write_text(ONE, encoding='utf-8')
        (self.scenarios / 'two.json').write_text(TWO, encoding='utf-8')
        self.results = self.work / 'results'

    def whole(self, seeds, first_seed):
        """Exit code and report of one machine that runs everything."""
        report = self.work / 'whole.json'
        done = call(SIM, 'run', self.scenarios, '--shrink', 0, '--seeds', seeds, '--first-seed', first_seed, '--json', report)
        return done.returncode, report.read_text(encoding='utf-8')

    def report(self):
        return (self.results / 'report.json').read_text(encoding='utf-8')


class SeedOfCommit(unittest.TestCase):
    def test_a_commit_has_one_seed(self):
        commit = 'f00dcafe' + '0' * 32
        done = call(CI / 'seed_of_commit.sh', commit)
        self.assertEqual(done.stdout, f'{0xf00dcafe}\n')
        self.assertEqual(call(CI / 'seed_of_commit.sh', commit).stdout, done.stdout)
        self.assertNotEqual(call(CI / 'seed_of_commit.sh', 'e' + commit[1:]).stdout, done.stdout)

    def test_fresh_seeds_have_nine_digits_at_most_and_are_others_each_time(self):
        seeds = {int(call(CI / 'seed_of_commit.sh', '--fresh').stdout) for _ in range(5)}
        self.assertGreater(len(seeds), 1)
        self.assertLess(max(seeds), 1_000_000_000)

    def test_what_is_no_commit_is_refused_in_one_line(self):
        for commit in ('no-such-branch', 'abc'):
            done = call(CI / 'seed_of_commit.sh', commit)
            self.assertEqual((done.returncode, done.stdout), (64, ''))
            self.assertEqual(done.stderr, f'seed_of_commit.sh: no commit "{commit}"\n')


class Shard(Recipe):
    def shard(self, index, shards, seeds, first_seed, scenarios=None):
        return call(CI / 'shard.sh', index, shards, seeds, first_seed, self.results, scenarios or self.scenarios,
                    QUORATE_SIM=SIM, JOBS=1)

    def test_shards_and_merge_are_the_whole(self):
        # Seed 13 fails, 31 crashes; neither makes its shard fail.
        for index in range(3):
            done = self.shard(index, 3, 26, 10)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        merged = call(CI / 'merge.sh', self.results, QUORATE_SIM=SIM)
        code, report = self.whole(26, 10)
        self.assertEqual((merged.returncode, code), (1, 1), merged.stderr)
        self.assertEqual(self.report(), report)
        self.assertEqual((self.results / 'report.txt').read_text(encoding='utf-8'), merged.stdout)
        self.assertIn('<testsuite', (self.results / 'report.xml').read_text(encoding='utf-8'))
        kept = list(self.results.glob('out-*/safety-I-7/scenario.json'))
        self.assertEqual(len(kept), 1, 'what the failure left is kept')

    def test_a_shard_without_a_report_fails(self):
        bad = self.work / 'bad.json'
        bad.write_text('{"format":1}', encoding='utf-8')
        (self.results).mkdir()
        (self.results / 'shard-0.json').write_text('of an earlier run', encoding='utf-8')
        self.assertEqual(self.shard(0, 2, 10, 1, bad).returncode, 64)
        self.assertFalse((self.results / 'shard-0.json').exists(), 'an old report is not taken for this one')
        self.assertEqual(call(CI / 'shard.sh', 0, 2).returncode, 64)

    def test_what_an_earlier_suite_left_does_not_mix_in(self):
        self.assertEqual(self.shard(0, 1, 8, 10).returncode, 0)
        self.assertTrue(list(self.results.glob('out-0/safety-I-7')))
        self.assertEqual(self.shard(0, 1, 8, 48).returncode, 0)
        self.assertEqual(list(self.results.glob('out-0/*')), [])

    def test_what_is_no_folder_of_shards_is_told_in_one_line(self):
        for folder, said in ((self.work / 'nowhere', 'no folder'), (self.scenarios, 'no shard-*.json in')):
            merged = call(CI / 'merge.sh', folder, QUORATE_SIM=SIM)
            self.assertEqual((merged.returncode, merged.stdout), (64, ''))
            self.assertEqual(merged.stderr, f'merge.sh: {said} "{folder}"\n')

    def test_a_missing_shard_is_named(self):
        self.shard(1, 2, 10, 48)
        merged = call(CI / 'merge.sh', self.results, QUORATE_SIM=SIM)
        self.assertEqual(merged.returncode, 64)
        self.assertIn('a shard is missing: 0/2', merged.stderr)


class Slurm(Recipe):
    def submit(self, *words, seeds, **environment):
        (self.work / 'bin').mkdir()
        sbatch = self.work / 'bin' / 'sbatch'
        sbatch.write_text(SBATCH, encoding='utf-8')
        sbatch.chmod(0o755)
        self.log = self.work / 'sbatch'
        return call(CI / 'slurm-array.sh', *words, PATH=f'{sbatch.parent}:{os.environ["PATH"]}', SBATCH_LOG=self.log,
                    FOLDER=self.results, QUORATE_SIM=SIM,
                    **{'SHARDS': 2, 'SEEDS': seeds, 'SCENARIOS': self.scenarios, **environment})

    def side(self, name):
        return pathlib.Path(f'{self.log}.{name}').read_text(encoding='utf-8')

    def test_an_array_of_two_is_as_one_machine(self):
        done = self.submit(seeds=30, FIRST_SEED=4270)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        code, report = self.whole(30, 4270)
        self.assertEqual(self.report(), report)
        self.assertEqual((self.side('verdict'), code), ('0\n', 0))
        self.assertEqual(done.stdout.splitlines(),
                         [f'30 seeds from 4270 in 2 shards: {self.scenarios}', f'job 4712 merges into {self.results}'])
        submitted = self.log.read_text(encoding='utf-8').splitlines()
        self.assertIn('--array=0-1', submitted[0])
        self.assertIn('--dependency=afterany:4711', submitted[1])

    def test_the_job_that_merges_has_the_verdict(self):
        self.submit(seeds=26, FIRST_SEED=10)
        self.assertEqual(self.side('codes'), '0\n0\n')
        self.assertEqual(self.side('verdict'), '1\n')
        self.assertIn('FAIL safety I-7', self.side('merge'))

    def test_a_mark_that_is_missed_fails_the_whole(self):
        self.submit(seeds=20, FIRST_SEED=4270)
        self.assertEqual(self.side('verdict'), '4\n')

    def test_a_nightly_run_tells_its_seed(self):
        plain = self.work / 'plain.json'  # whatever seeds it will be
        plain.write_text(ONE, encoding='utf-8')
        done = self.submit('--nightly', seeds=2, SCENARIOS=plain)
        seed = int(done.stdout.split()[3])
        self.assertEqual(json.loads(self.report())['first_seed'], seed)
        self.assertLess(seed, 1_000_000_000)

    def test_a_nightly_run_takes_the_nightly_scenarios_too(self):
        done = self.submit('--nightly', seeds=26, FIRST_SEED=4200, SCENARIOS='')
        self.assertIn(': scenarios/smoke scenarios/nightly\n', done.stdout)
        files = [file['file'] for file in json.loads(self.report())['files']]
        for folder in ('smoke', 'nightly'):
            for file in (ROOT / 'scenarios' / folder).glob('*.json'):
                self.assertIn(f'scenarios/{folder}/{file.name}', files)

    def test_what_an_earlier_suite_left_does_not_mix_in(self):
        for old in ('shard-7.json', 'report.txt', 'out-7/safety-I-7/story.txt'):
            (self.results / old).parent.mkdir(parents=True, exist_ok=True)
            (self.results / old).write_text('of an earlier suite', encoding='utf-8')
        self.submit(seeds=30, FIRST_SEED=4270)
        self.assertEqual(self.side('verdict'), '0\n')
        self.assertEqual(list(self.results.glob('*-7*')), [])

    def test_a_word_too_many_is_refused(self):
        self.assertEqual(self.submit('nightly', seeds=2).returncode, 64)


@unittest.skipIf(yaml is None, 'needs PyYAML')
class Yaml(Recipe):
    def shell(self, text, **environment):
        return call('sh', '-e', '-c', text, QUORATE_SIM=SIM, SCENARIOS=self.scenarios, **environment)

    def test_the_pods_of_the_indexed_job_are_as_one_machine(self):
        text = (CI / 'kubernetes-indexed-job.yaml').read_text(encoding='utf-8')
        text = text.replace('FIRST_SEED_VALUE', '4270').replace('/results/', f'{self.work}/')
        text = text.replace('SCENARIO_PATHS', 'scenarios/smoke')
        config, shards, merge = yaml.safe_load_all(text)
        data = {**config['data'], 'SEEDS': '60', 'JOBS': '1', 'SCENARIOS': str(self.scenarios)}
        spec = shards['spec']
        self.assertEqual(spec['completionMode'], 'Indexed')
        self.assertEqual({spec['completions'], spec['parallelism'], int(data['SHARDS'])}, {spec['completions']})
        for job in (shards, merge):
            pod = job['spec']['template']['spec']
            container = pod['containers'][0]
            self.assertEqual(container['command'], ['sh', '-c'])
            self.assertEqual(container['envFrom'][0]['configMapRef']['name'], config['metadata']['name'])
            self.assertEqual({mount['name'] for mount in container['volumeMounts']},
                             {volume['name'] for volume in pod['volumes']})
        command = spec['template']['spec']['containers'][0]['args'][0]
        for index in range(spec['completions']):
            done = call('sh', '-c', command, QUORATE_SIM=SIM, JOB_COMPLETION_INDEX=index, **data)
            self.assertEqual(done.returncode, 0, done.stderr)
        merged = call('sh', '-c', merge['spec']['template']['spec']['containers'][0]['args'][0], QUORATE_SIM=SIM, **data)
        self.results = pathlib.Path(data['FOLDER'])
        code, report = self.whole(60, 4270)
        self.assertEqual((merged.returncode, self.report()), (code, report))

    def test_the_jobs_of_the_workflow_are_as_one_machine(self):
        workflow = yaml.safe_load((CI / 'github-actions.yml').read_text(encoding='utf-8'))
        self.assertTrue({'push', 'pull_request', 'schedule'} <= set(workflow[True]))  # YAML reads `on` as true
        jobs = workflow['jobs']
        matrix = jobs['shard']['strategy']['matrix']['shard']
        self.assertEqual(matrix, list(range(int(workflow['env']['SHARDS']))))

        def step(job, name):
            return next(step for step in jobs[job]['steps'] if step.get('name') == name)

        def planned(event):
            output = self.work / 'output'
            output.write_text('', encoding='utf-8')
            done = self.shell(step('build', 'Plan')['run'], EVENT=event, COMMIT='f00dcafe' + '1' * 32,
                              GITHUB_OUTPUT=output, GITHUB_STEP_SUMMARY=self.work / 'summary')
            self.assertEqual(done.returncode, 0, done.stderr)
            plan = dict(line.split('=') for line in output.read_text(encoding='utf-8').splitlines())
            self.assertIn(f'{plan["seeds"]} seeds from {plan["first_seed"]}: {plan["scenarios"]}', done.stdout)
            return plan

        self.assertEqual(planned('push')['first_seed'], str(0xf00dcafe))
        self.assertEqual(planned('pull_request'), planned('push'))
        self.assertLess(int(planned('schedule')['first_seed']), 1_000_000_000)
        self.assertEqual(planned('push')['scenarios'], 'scenarios/smoke')
        self.assertEqual(planned('schedule')['scenarios'], 'scenarios/smoke scenarios/nightly')
        self.assertEqual(step('shard', 'Run')['env']['SCENARIOS'], '${{ needs.build.outputs.scenarios }}')
        self.assertIn('scenarios', jobs['build']['outputs'])

        # The steps themselves, in a folder of their own.
        def in_work(text):
            return f'cp -r "{CI.parent}" tools 2>/dev/null || true\n{text}'.replace('chmod +x', ': #')

        for shard in matrix:
            done = subprocess.run(['sh', '-e', '-c', in_work(step('shard', 'Run')['run'])], cwd=self.work, check=False,
                                  capture_output=True, text=True,
                                  env={**os.environ, 'QUORATE_SIM': SIM, 'SCENARIOS': 'scenarios', 'SEEDS': '26',
                                       'FIRST_SEED': '10', 'SHARD': str(shard), 'SHARDS': workflow['env']['SHARDS']})
            self.assertEqual(done.returncode, 0, done.stderr)
        done = subprocess.run(['sh', '-e', '-c', in_work(step('merge', 'Merge')['run'])], cwd=self.work, check=False,
                              capture_output=True, text=True, env={**os.environ, 'QUORATE_SIM': SIM})
        self.assertEqual(done.returncode, 1, done.stderr)
        merged = json.loads(self.report())
        whole = json.loads(self.whole(26, 10)[1])
        self.assertEqual(merged['digest'], whole['digest'])
        self.assertEqual(merged['verdicts'], whole['verdicts'])


class Scripts(unittest.TestCase):
    def test_every_script_is_a_shell_script_that_can_be_started(self):
        scripts = sorted(CI.glob('*.sh'))
        self.assertGreaterEqual(len(scripts), 4)
        for script in scripts:
            self.assertTrue(os.access(script, os.X_OK), script.name)
            self.assertEqual(call('sh', '-n', script).returncode, 0, script.name)


if __name__ == '__main__':
    os.environ['SHRINK'] = '0'  # how small a failure becomes depends on the time that there is
    SIM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
