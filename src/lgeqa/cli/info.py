"""`lgeqa info`: what is installed."""

import json
from typing import Annotated, Any

import typer


def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Tell the versions, the default model and which extras are there."""
    facts = _facts()
    typer.echo(json.dumps(facts, indent=2) if as_json else "\n".join(_lines(facts)))


def _facts() -> dict[str, Any]:
    from lgeqa.errors import BundleError
    from lgeqa.extras import EXTRAS, missing
    from lgeqa.inference.bundle import default_bundle, open_bundle
    from lgeqa.versions import versions

    try:
        opened = open_bundle()
        bundle: dict[str, Any] = opened.stamp.model_dump() | opened.manifest.model_dump(
            include={"labels", "threshold", "intended_use"}
        )
    except BundleError as error:
        bundle = {"fault": str(error)}
    return {
        "versions": versions(),
        "bundle": bundle | {"path": str(default_bundle())},
        "extras": {extra: {"missing": missing(extra)} for extra in EXTRAS},
    }


def _lines(facts: dict[str, Any]) -> list[str]:
    extras = {
        extra: f'not complete: {", ".join(state["missing"])}. Run: pip install "lgeqa[{extra}]"'
        if state["missing"]
        else "installed"
        for extra, state in facts["extras"].items()
    }
    lines = []
    for title, entries in (("Versions", facts["versions"]), ("Default bundle", facts["bundle"]), ("Extras", extras)):
        lines += [title, *(f"  {name:<13} {value}" for name, value in entries.items())]
    return lines
