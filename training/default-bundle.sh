#!/usr/bin/env bash
# Makes the default bundle again: two simulated cohorts, the detector, the baseline, the bundle.
#
#   training/default-bundle.sh SCANS WORK      SCANS holds <scan id>/data.nrrd and shrinkwrap.nrrd; WORK is made.
#
# Each step goes on where it was when it is started again. About three hours on two cores.
set -euo pipefail
scans=$1
work=$2
here=$(cd "$(dirname "$0")" && pwd)
configs=$here/../src/lgeqa/configs
export OMP_NUM_THREADS=2 OPENBLAS_NUM_THREADS=1

lgeqa simulate -o "$work/cropped" --from "$scans" --n 420 --seed 1
lgeqa simulate -o "$work/full" --from "$scans" --n 140 --seed 2 --field full

lgeqa train detector --cohort "$scans" -o "$work/detector" --config "$configs/detector.toml" \
  --set loop.epochs=20 --set loop.batch=16 --set loop.slices_per_scan=8 --set loop.patience=20 --set loop.threads=2

# Further, with more copies that have heavy faults; rule and epoch were chosen on the validation patients.
lgeqa train detector --cohort "$scans" -o "$work/detector-b" --config "$configs/detector.toml" \
  --split "$work/detector/split.json" --set weights="$work/detector/network.safetensors" --set faulted=3 \
  --set rule.minimum_area_mm2=50 --set loop.seed=1 --set loop.epochs=16 --set loop.batch=16 \
  --set loop.slices_per_scan=6 --set loop.patience=16 --set loop.keep=last --set loop.threads=2

# The same patients are kept out of both stages.
lgeqa train baseline --cohort "$work/cropped" --cohort "$work/full" -o "$work/baseline" \
  --config "$configs/baseline.toml" --split "$work/detector/split.json" --set weights=random \
  --set loop.epochs=20 --set loop.batch=32 --set loop.slices_per_scan=4 --set loop.patience=20 --set loop.threads=2

lgeqa train bundle --detector "$work/detector-b" --quality "$work/baseline" --about "$here/default-bundle.toml" \
  -o "$work/bundle-full"
lgeqa train bundle --detector "$work/detector-b" --quality "$work/baseline" --about "$here/default-bundle.toml" \
  -o "$work/bundle" --compact
