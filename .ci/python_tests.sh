#!/usr/bin/env bash
# Unit tests side by side, then what needs servers or a browser one after the other.
set -euo pipefail
bin="$1"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
"$bin/python" -m pytest tests -q -n 2 -m "not slow" --ignore=tests/integration --ignore=tests/e2e
[ -n "$(find tests/integration tests/e2e -name 'test_*.py' 2>/dev/null)" ] || exit 0
"$bin/python" -m pytest tests/integration tests/e2e -q -p no:randomly
