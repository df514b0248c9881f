#!/bin/sh
# tools/lib/with_report.sh PROGRAM [ARGUMENT...] — runs a test; GoogleTest's report goes to $REPORTS under a name
# made from the program's path, so that two tests of one name in two rooms keep theirs apart.
GTEST_OUTPUT=xml:$REPORTS/$(printf '%s' "$1" | tr / _).xml
export GTEST_OUTPUT
exec "$@"
