"""Numbers and times as text. The pages have the same for people in `frontend/shared/format.js`."""

from datetime import UTC, datetime


def probability_text(probability: float | None) -> str:
    """Return a probability with two decimals, as `.81`, `> .99` or `< .01`, or a dash if there is none.

    A network is never certain, so a probability is not rounded to 0 or 1.
    """
    if probability is None:
        return "–"
    text = f"{probability:.2f}"
    return {"1.00": "> .99", "0.00": "< .01"}.get(text, text.removeprefix("0"))


def plural(count: int, noun: str) -> str:
    """Return a count with its noun, such as `1 scan` or `30 scans`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def utc_now() -> str:
    """Return the present time in UTC, ISO 8601 to the second, as `2026-11-28T09:30:00+00:00`."""
    return datetime.now(UTC).isoformat(timespec="seconds")
