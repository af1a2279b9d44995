#!/usr/bin/env bash
# Every C file looks as .clang-format says (clang-format 14, Debian 12's). Usage: format.sh SOURCE_ROOT
set -euo pipefail
cd "$1"
command -v clang-format >/dev/null || { echo "SKIPPED: clang-format is not installed"; exit 77; }
find control dcmf dtls packaging sctp tests tools -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror
