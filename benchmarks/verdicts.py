"""Compare two runs of `lgeqa assess` on the same scans: how far probabilities move, and which verdicts differ.

python benchmarks/verdicts.py A/results.csv B/results.csv
"""

import csv
import sys
from pathlib import Path


def table(path: str) -> dict[str, dict[str, str]]:
    """Return the rows of the assessed scans of a run, by scan."""
    with Path(path).open(newline="", encoding="utf-8-sig") as lines:
        return {row["scan_id"]: row for row in csv.DictReader(lines) if row["status"] == "assessed"}


def main() -> None:
    """Print counts, and the scans whose verdicts differ."""
    first, second = table(sys.argv[1]), table(sys.argv[2])
    both = sorted(first.keys() & second.keys())
    moves = [abs(float(first[scan]["probability"]) - float(second[scan]["probability"])) for scan in both]
    differ = [scan for scan in both if first[scan]["verdict"] != second[scan]["verdict"]]
    diagnostic = [sum(run[scan]["verdict"] == "diagnostic" for scan in both) for run in (first, second)]
    print(f"{len(both)} scans assessed in both; diagnostic: {diagnostic[0]} and {diagnostic[1]}")
    print(f"probability moves by {max(moves):.3f} at the most, {sum(moves) / len(moves):.3f} on average")
    print(f"verdicts that differ: {len(differ)}")
    for scan in differ:
        print(f"  {scan}: {first[scan]['probability']} and {second[scan]['probability']}")


if __name__ == "__main__":
    main()
