#!/usr/bin/env bash
# Forecasts of login storms, and the login gate, held to storms that are played for real on random rigs. The
# machine should have nothing else to do. STUDY_RIGS, STUDY_SEED and STUDY_LANES change the study,
# STUDY_PAGE the place of its page.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh study
cargo build --quiet --workspace
exec cargo test --workspace --test it -- --ignored --nocapture --exact study::forecasts_hold_on_random_rigs
