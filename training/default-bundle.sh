#!/usr/bin/env bash
# Makes the default bundle again: three simulated cohorts, the detector, a baseline network, the contrastive one that starts
# from it, the bundle.
#
#   training/default-bundle.sh SCANS WORK      SCANS holds <scan id>/data.nrrd and shrinkwrap.nrrd; WORK is made.
#
# Each step goes on where it was when it is started again. About four hours on two cores that compute in bf16.
set -euo pipefail
scans=$1
work=$2
here=$(cd "$(dirname "$0")" && pwd)
export OMP_NUM_THREADS=2 OPENBLAS_NUM_THREADS=1

lgeqa simulate -o "$work/cropped" --from "$scans" --n 420 --seed 1
lgeqa simulate -o "$work/full" --from "$scans" --n 140 --seed 2 --field full
lgeqa simulate -o "$work/lone" --from "$scans" --n 210 --seed 3 --scores independent

detector() { # RUN, then settings: one stretch of the detector's training
  local run=$1
  shift
  lgeqa train detector --cohort "$scans" -o "$work/$run" --config detector \
    --set "preparation.context_mm=[-10.0,-5.0,-2.5,0.0,2.5,5.0,10.0]" --set rule.largest_component=true \
    --set faulted=5 --set composites=5 --set phantoms=16 --set loop.batch=32 --set loop.patience=0 \
    --set loop.keep=last --set loop.threads=2 --set loop.precision=bf16-mixed "$@"
}
# The first stretch without changes of intensity; it also flipped slices, as the later ones do not.
detector detector-a --set intensity.probability=0.0 --set loop.epochs=36 --set loop.slices_per_scan=12 \
  --set loop.augmentation.flip=true --set loop.augmentation.perspective=0.1 --set loop.augmentation.shift=0.06 \
  --set loop.augmentation.scale=0.1
detector detector-b --split "$work/detector-a/split.json" --set weights="$work/detector-a/network.safetensors" \
  --set loop.learning_rate=0.0005 --set loop.epochs=16 --set loop.slices_per_scan=8
detector detector-c --split "$work/detector-a/split.json" --set weights="$work/detector-b/network.safetensors" \
  --set loop.learning_rate=0.0005 --set loop.epochs=8 --set loop.slices_per_scan=10

# The same patients are kept out of both stages.
quality() { # STRATEGY RUN, then settings
  local strategy=$1 run=$2
  shift 2
  lgeqa train "$strategy" --cohort "$work/cropped" --cohort "$work/full" --cohort "$work/lone" -o "$work/$run" \
    --detector "$work/detector-c" --split "$work/detector-a/split.json" --set loop.patience=0 --set loop.threads=1 \
    --set loop.precision=bf16-mixed "$@"
}
quality baseline baseline --set weights=random --set loop.epochs=12 --set loop.batch=32 --set loop.slices_per_scan=4
# It stands where the paper has ImageNet weights. With a higher learning rate the projections of nulling and enhancement
# fall onto one point, and their heads learn nothing.
quality contrastive contrastive --set weights="$work/baseline/network.safetensors" --set temperature=0.3 \
  --set pretraining.epochs=10 --set pretraining.batch=64 --set pretraining.optimiser=adam --set pretraining.weight_decay=0 \
  --set pretraining.learning_rate=0.0002 --set pretraining.warmup=1 --set pretraining.slices_per_scan=4 \
  --set pretraining.threads=1 --set pretraining.precision=bf16-mixed \
  --set loop.epochs=20 --set loop.batch=64 --set loop.slices_per_scan=6

lgeqa train bundle --detector "$work/detector-c" --quality "$work/contrastive" --about "$here/default-bundle.toml" \
  -o "$work/bundle-full"
lgeqa train bundle --detector "$work/detector-c" --quality "$work/contrastive" --about "$here/default-bundle.toml" \
  -o "$work/bundle" --compact
