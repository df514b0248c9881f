#!/usr/bin/env python3
"""Prints `PASSED FAILED` for a run of `meson test`: GoogleTest's cases one by one, any other test as one.

usage: count_cases.py TESTLOG_JSON REPORT_FOLDER
A test that ended badly without a report (it crashed) counts as one failure.
"""
import json
import pathlib
import sys
import xml.etree.ElementTree as xml


def cases_of(report):
    """(passed, failed) of one GoogleTest report; (0, 0) if it cannot be read."""
    try:
        root = xml.parse(report).getroot()
    except (OSError, xml.ParseError):
        return 0, 0
    failed = int(root.get('failures', 0)) + int(root.get('errors', 0))
    run = sum(1 for case in root.iter('testcase')
              if case.get('status') == 'run' and case.get('result') == 'completed')
    return run - failed, failed


def main(arguments):
    log, reports = arguments
    passed = failed = 0
    for line in pathlib.Path(log).read_text(encoding='utf-8').splitlines():
        test = json.loads(line)
        program = next(word for word in test['command'] if not word.endswith('with_report.sh'))
        case_passed, case_failed = cases_of(pathlib.Path(reports) / (program.replace('/', '_') + '.xml'))
        good = test['result'] in ('OK', 'EXPECTEDFAIL', 'SKIP')
        if case_passed + case_failed == 0:
            case_passed, case_failed = (1, 0) if good else (0, 1)
        elif not good and case_failed == 0:
            case_failed = 1
        passed += case_passed
        failed += case_failed
    print(passed, failed)


if __name__ == '__main__':
    main(sys.argv[1:])
