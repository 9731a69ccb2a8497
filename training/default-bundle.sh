#!/usr/bin/env bash
# Makes the networks that the next default bundle is chosen from: the detector, cohorts with measured scores, folds that keep
# out patients and mechanisms, and for each strategy a network of each fold with its page of figures.
#
#   training/default-bundle.sh SCANS WORK [STRATEGY ...]
#
# SCANS holds <scan id>/data.nrrd and shrinkwrap.nrrd; WORK is made. Each step goes on where it was when it is started again.
# The bundle 0.5.0 in the package is older: docs/results/2026-11-26-intensity-reference.md says how it was made.
set -euo pipefail
scans=$1
work=$2
strategies=("${@:3}")
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
here=$(cd "$(dirname "$0")" && pwd)

lgeqa simulate -o "$work/untouched" --from "$scans" --artefacts none --n 70 --seed 0
lgeqa simulate -o "$work/artefacts" --from "$scans" --n 350 --seed 1 --distractors --jobs 2
lgeqa simulate -o "$work/full" --from "$scans" --n 70 --seed 2 --field full --distractors --jobs 2
lgeqa simulate -o "$work/phantoms" --n 40 --seed 3 --distractors --jobs 2
lgeqa simulate -o "$work/start-phantoms" --n 240 --seed 4 --artefacts none --distractors --jobs 2
python "$here/folds.py" -o "$work/folds" "$work/untouched" "$work/artefacts" "$work/full" "$work/phantoms"

detector() { # RUN, then settings: one stretch of the detector's training
  local run=$1
  shift
  lgeqa train detector --cohort "$scans" -o "$work/$run" --config detector --quiet \
    --set "preparation.context_mm=[-10.0,-5.0,-2.5,0.0,2.5,5.0,10.0]" --set rule.largest_component=true \
    --set degraded=5 --set composites=5 --set phantoms=16 --set loop.batch=32 --set loop.patience=0 \
    --set loop.keep=last --set loop.threads=2 "$@"
}
# The first stretch without changes of intensity; it also flipped slices, as the later ones do not.
detector detector-a --set intensity.probability=0.0 --set loop.epochs=36 --set loop.slices_per_scan=12 \
  --set loop.augmentation.flip=true --set loop.augmentation.perspective=0.1 --set loop.augmentation.shift=0.06 \
  --set loop.augmentation.scale=0.1
detector detector-b --split "$work/detector-a/split.json" --set weights="$work/detector-a/network.safetensors" \
  --set loop.learning_rate=0.0005 --set loop.epochs=16 --set loop.slices_per_scan=8
detector detector-c --split "$work/detector-a/split.json" --set weights="$work/detector-b/network.safetensors" \
  --set loop.learning_rate=0.0005 --set loop.epochs=8 --set loop.slices_per_scan=10

# What every training of slices is told. Only moves that do not interpolate by an angle or a scale: those soften a slice, and
# sharpness is scored.
slices=(--quiet --set quality_from=features --set label.rule=graded --set label.reader=measured
  --set preparation.pixels=96 --set preparation.field_mm=140 --set preparation.margin_mm=14
  --set loop.augmentation.margin=0.1 --set loop.augmentation.perspective=0 --set loop.augmentation.scale=0
  --set loop.augmentation.rotation_degrees=0 --set loop.batch=32 --set loop.patience=0 --set loop.keep=last)
# The common start of all networks, in the place of the paper's ImageNet weights: phantoms alone, without artefacts, so that it
# has seen no patient and no mechanism.
lgeqa train multitask --cohort "$work/start-phantoms" -o "$work/start" --config multitask "${slices[@]}" \
  --set weights=random --set test=0.01 --set validation=0.05 --set loop.epochs=6 --set loop.slices_per_scan=8 \
  --set loop.threads=1

quality() { # STRATEGY FOLDER, which holds scans.csv and split.json
  local epochs=6 two_steps=()
  if [ "$1" = contrastive ] || [ "$1" = hybrid ]; then
    # Both steps together take as long as one of the other strategies.
    epochs=3
    two_steps=(--set pretraining.augmentation.margin=0.1 --set pretraining.augmentation.perspective=0
      --set pretraining.augmentation.scale=0 --set pretraining.augmentation.rotation_degrees=0
      --set pretraining.epochs=5 --set pretraining.batch=64 --set pretraining.optimiser=adam
      --set pretraining.weight_decay=0 --set pretraining.learning_rate=0.0003 --set pretraining.warmup=1
      --set pretraining.slices_per_scan=3 --set pretraining.threads=1 --set temperature=0.3)
  fi
  lgeqa train "$1" --cohort "$2/scans.csv" --split "$2/split.json" -o "$2/$1" --config "$1" "${slices[@]}" \
    --detector "$work/detector-c" --set weights="$work/start/network.safetensors" --set loop.learning_rate=0.0005 \
    --set loop.epochs="$epochs" --set loop.slices_per_scan=6 --set loop.threads=1 "${two_steps[@]}"
}
for strategy in "${strategies[@]:-baseline}"; do
  # Two at a time, one on each core.
  for fold in "$work"/folds/fold-*; do
    echo "$fold"
  done | xargs -P 2 -I {} bash -c "$(declare -p slices work); $(declare -f quality); quality $strategy {}"
  python "$here/../benchmarks/real_scans.py" --scans "$scans" --folds "$work/folds" --strategy "$strategy" --jobs 2 \
    > "$work/real-scans-$strategy.md"
done
