#!/usr/bin/env bash
# Every bench, and docs/performance.md from what they print. Takes half an hour with
# all peers installed. Terraform is used where it is on the PATH with a mirror of its AWS
# provider in TF_PLUGINS; Ansible is installed from PyPI into the cache.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${1:?path of the built program}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/loadrig
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

moto=$("$(dirname "$bin")/local-image" --emulator)
ansible=$cache/bench-venv
if [ ! -x "$ansible/bin/ansible-playbook" ]; then
  echo "bench: installing Ansible from PyPI into $ansible" >&2
  python3 -m venv "$ansible"
  "$ansible/bin/pip" install --quiet ansible==12.3.0 boto3 botocore || rm -rf "$ansible"
fi
cargo bench --workspace --profile dev --bench planner >"$work/planner"
cargo bench --workspace --profile dev --bench critical_path >"$work/critical_path"
python3 benches/compare/compare.py --loadrig "$bin" --moto "$moto" \
  --plugins "${TF_PLUGINS:-/opt/tf-plugins}" --ansible "$ansible/bin/ansible-playbook" \
  --runs "${RUNS:-3}" >"$work/compare"
python3 benches/compare/report.py --compare "$work/compare" --planner "$work/planner" \
  --critical-path "$work/critical_path" --out docs/performance.md
echo "bench: docs/performance.md is written" >&2
# After the page, of which it writes the last section.
benches/driver/run.sh
