"""Two runs of `lgeqa assess` over the same scans: how far probabilities move, and which verdicts differ.

python benchmarks/verdicts.py A/results.csv B/results.csv
"""

import csv
import sys
from pathlib import Path


def table(path: str) -> dict[str, dict[str, str]]:
    """The rows of a run that were assessed, by scan."""
    with Path(path).open(newline="", encoding="utf-8") as lines:
        return {row["scan_id"]: row for row in csv.DictReader(lines) if row["status"] == "assessed"}


def main() -> None:
    """Print counts, and the scans whose verdicts differ."""
    one, other = table(sys.argv[1]), table(sys.argv[2])
    both = sorted(one.keys() & other.keys())
    moves = [abs(float(one[scan]["probability"]) - float(other[scan]["probability"])) for scan in both]
    differ = [scan for scan in both if one[scan]["verdict"] != other[scan]["verdict"]]
    diagnostic = [sum(run[scan]["verdict"] == "diagnostic" for scan in both) for run in (one, other)]
    print(f"{len(both)} scans assessed in both; diagnostic: {diagnostic[0]} and {diagnostic[1]}")
    print(f"probability moves by {max(moves):.3f} at the most, {sum(moves) / len(moves):.3f} on average")
    print(f"verdicts that differ: {len(differ)}")
    for scan in differ:
        print(f"  {scan}: {one[scan]['probability']} and {other[scan]['probability']}")


if __name__ == "__main__":
    main()
