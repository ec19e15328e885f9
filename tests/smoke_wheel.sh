#!/usr/bin/env bash
# Build the wheel, install it into a bare environment beside the locked dependencies,
# and use the command line from / : nothing may come from the source tree.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
uv=$root/.venv/bin/uv

cd "$root"
.venv/bin/python -m hatchling build -t wheel -d "$work/dist" >/dev/null
wheel=$(echo "$work"/dist/*.whl)
echo "built $(basename "$wheel"), $(du -h "$wheel" | cut -f1)"

.venv/bin/python - "$wheel" <<'PYTHON'
import re
import sys
import zipfile

names = zipfile.ZipFile(sys.argv[1]).namelist()
wanted = {
    "weights": r"models/weights/.*\.safetensors",
    "tokenizer": r"models/weights/.*tokenizer.*",
    "gazetteer": r"models/entities/.*\.(csv|tsv|json|txt)(\.gz)?",
    "migrations": r"db/migrations/versions/.*\.py",
    "demo stream": r"pipeline/demo/.*\.jsonl\.gz",
    "demo encore": r"pipeline/demo/encore\.jsonl",
    "demo companies": r"pipeline/demo/.*\.csv",
    "licence": r".*/licenses/LICENSE",
}
missing = [part for part, at in wanted.items() if not any(re.fullmatch(at, n) for n in names)]
foreign = [n for n in names if n.startswith(("tests/", "docs/"))]
if missing or foreign:
    sys.exit(f"the wheel misses {missing}, and must not carry {foreign}")
PYTHON

.venv/bin/python -m venv --without-pip "$work/bare"
python=$work/bare/bin/python
.venv/bin/python -m pip --python "$python" install --quiet ${TORCH_PIP_ARGS:-} -r requirements/torch.txt
"$uv" pip install --quiet --python "$python" --require-hashes --no-deps -r requirements/serve.lock
"$uv" pip install --quiet --python "$python" --no-deps "$wheel"
"$uv" pip check --quiet --python "$python"

cd /
tapewatch() { env -i HOME="$work" PATH="$work/bare/bin:/usr/bin:/bin" LC_ALL=C.UTF-8 tapewatch "$@"; }
tapewatch --help >/dev/null
tapewatch trends --help >/dev/null
printf '%s\n' '{"text": "Acme Bank shares plunge as deposits flee"}' \
    '{"title": "Acme raises its outlook", "body": "Profit doubled."}' \
    | tapewatch classify >"$work/out.jsonl"
"$python" - "$work/out.jsonl" <<'PYTHON'
import json
import sys

rows = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
assert [row["sentiment"] for row in rows] == ["negative", "positive"], rows
assert all(-1 <= row["score"] <= 1 for row in rows), rows
PYTHON
echo "the wheel works outside the tree"
