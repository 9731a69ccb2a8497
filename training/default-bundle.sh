#!/usr/bin/env bash
# Makes the default bundle's networks and the figures that they are judged by: cohorts with measured scores, folds that keep out
# patients and mechanisms, and a detector and networks of each strategy for each fold and for all scans.
#
#   training/default-bundle.sh SCANS WORK [OTHER STRATEGY ...]
#
# SCANS holds <scan id>/data.nrrd and shrinkwrap.nrrd; WORK is made. Each step goes on where it was when it is started again.
# JOBS networks are trained at a time (2, one on each core); PRECISION=bf16-mixed is for a graphics card, or a processor with
# AVX-512 BF16 or AMX, where the quality networks learn twice as fast.
set -euo pipefail
scans=$1
work=$2
strategies=(baseline "${@:3}") # the bundle needs the first
jobs=${JOBS:-2}
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
here=$(cd "$(dirname "$0")" && pwd)

lgeqa simulate -o "$work/untouched" --from "$scans" --artefacts none --n 70 --seed 0
lgeqa simulate -o "$work/artefacts" --from "$scans" --n 560 --seed 1 --distractors --jobs 2
lgeqa simulate -o "$work/full" --from "$scans" --n 70 --seed 2 --field full --distractors --jobs 2
lgeqa simulate -o "$work/phantoms" --n 40 --seed 3 --distractors --jobs 2
lgeqa simulate -o "$work/start-phantoms" --n 240 --seed 4 --artefacts none --distractors --jobs 2
python "$here/folds.py" -o "$work/folds" "$work/untouched" "$work/artefacts" "$work/full" "$work/phantoms"

# What every training is told: no epoch is picked, for the validation part is small.
loop=(--quiet --set loop.patience=0 --set loop.keep=last --set loop.threads=1 --set loop.precision="${PRECISION:-32-true}")

detector() { # FOLDER RUN, then settings: one stretch of the training of a detector
  local folder=$1 run=$2
  shift 2
  lgeqa train detector --cohort "$scans" --split "$folder/split.json" -o "$folder/$run" --config detector "${loop[@]}" \
    --set "preparation.context_mm=[-10.0,-5.0,-2.5,0.0,2.5,5.0,10.0]" --set preparation.pixel_mm=1.6 \
    --set preparation.least=112 --set canvas=224 --set window=112 --set rule.largest_component=true \
    --set degraded=3 --set composites=3 --set phantoms=14 --set loop.batch=64 --set loop.slices_per_scan=8 "$@"
}
detectors() { # FOLDER
  detector "$1" detector-a --set loop.epochs=30 --set loop.learning_rate=0.001
  detector "$1" detector --set weights="$1/detector-a/network.safetensors" --set loop.epochs=45 \
    --set loop.learning_rate=0.0007
}

# How slices are moved: by no angle and no scale, for such interpolation softens a slice, and sharpness is scored. Of each slice
# a window is seen.
moves() { # STEP
  local name
  for name in margin=0.1 perspective=0 scale=0 rotation_degrees=0 window=0.75 shift=0.12; do
    echo --set "$1.augmentation.$name"
  done
}
# What every training of slices is told beside that.
slices=("${loop[@]}" --set quality_from=features --set label.rule=graded --set label.reader=measured
  --set preparation.pixels=128 --set preparation.field_mm=140 --set preparation.margin_mm=14 $(moves loop)
  --set loop.batch=128 --set loop.learning_rate=0.001 --set loop.slices_per_scan=8)
# The common start of all networks, in the place of the paper's ImageNet weights: phantoms alone, without artefacts, so that it
# has seen no patient and no mechanism.
lgeqa train multitask --cohort "$work/start-phantoms" -o "$work/start" --config multitask "${slices[@]}" \
  --set weights=random --set test=0.01 --set validation=0.05 --set loop.epochs=20

quality() { # STRATEGY FOLDER, which holds scans.csv and split.json
  local epochs=16 two_steps=()
  if [ "$1" = contrastive ] || [ "$1" = hybrid ]; then
    # Both steps together compute as much as one of the other strategies: two views a slice, and heads on a frozen encoder.
    epochs=5
    two_steps=($(moves pretraining) --set pretraining.epochs=15 --set pretraining.batch=128 --set pretraining.optimiser=adam
      --set pretraining.weight_decay=0 --set pretraining.learning_rate=0.001 --set pretraining.warmup=1
      --set pretraining.slices_per_scan=4 --set pretraining.threads=1 --set temperature=0.3
      --set pretraining.precision="${PRECISION:-32-true}")
  fi
  lgeqa train "$1" --cohort "$2/scans.csv" --split "$2/split.json" -o "$2/$1" --config "$1" "${slices[@]}" \
    --detector "$2/detector" --set weights="$work/start/network.safetensors" --set loop.epochs="$epochs" "${two_steps[@]}"
}

each() { # COMMAND: run it for each fold and for all scans, some at a time
  printf '%s\n' "$work"/folds/* |
    xargs -P "$jobs" -I {} bash -c "set -e; $(declare -p scans work loop slices); $(declare -f detector detectors moves quality); $1 {}"
}
each detectors
python "$here/../benchmarks/detector.py" --scans "$scans" --folds "$work/folds" --jobs "$jobs" > "$work/detectors.md"
chosen=()
for strategy in "${strategies[@]}"; do
  each "quality $strategy"
  python "$here/../benchmarks/real_scans.py" --scans "$scans" --folds "$work/folds" --strategy "$strategy" --jobs "$jobs" \
    > "$work/real-scans-$strategy.md"
  chosen+=(--strategy "$strategy")
done
python "$here/../benchmarks/study.py" --folds "$work/folds" "${chosen[@]}" --jobs "$jobs" > "$work/study.md"
# The bundle in the package.
lgeqa train bundle --detector "$work/folds/all/detector/bundle" --quality "$work/folds/all/baseline" --compact \
  --about "$here/default-bundle.toml" -o "$work/full-detector"
python "$here/compact_detector.py" --bundle "$work/full-detector" --scans "$scans" --about "$here/default-bundle.toml" \
  -o "$work/bundle"
