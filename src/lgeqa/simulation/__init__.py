"""Simulated scans: artefacts on real scans and phantoms, distractors, simulated readers and cohorts."""
