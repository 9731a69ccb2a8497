"""Simulated scans: phantoms, faults on phantoms and real scans, scores, readers and cohorts."""
