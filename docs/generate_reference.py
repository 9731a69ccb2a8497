"""Write the generated tables of the reference pages from the code: `python docs/generate_reference.py`.

A page holds `<!-- fields of lgeqa.records.ScanResult -->` and `<!-- end -->`. The text between them is the table of
that class, with the text of its docstring. `<!-- errors of lgeqa.errors -->` marks the table of exit codes,
`<!-- measures of lgeqa.evaluation.metrics -->` the definitions of the measures, and
`<!-- routes of lgeqa.web.app -->` the HTTP interface. `<!-- overview of lgeqa.measures -->` and
`<!-- definitions of lgeqa.measures -->` mark the image quality measures.
"""

import json
import re
from collections.abc import Iterator
from importlib import import_module
from inspect import cleandoc, getmembers, isclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from lgeqa.errors import LgeqaError

PAGES = Path(__file__).parent / "reference"

_PLACE = re.compile(
    r"(<!-- (fields|errors|measures|routes|overview|definitions) of ([\w.]+) -->\n).*?(<!-- end -->)", re.DOTALL
)
#: Bound that is the database's and not one of meaning.
_WIDEST = 2**31
_WORDS = {"exclusiveMinimum": "above", "minimum": "at least", "exclusiveMaximum": "below", "maximum": "at most"}


def page(text: str) -> str:
    """Return a page with updated tables."""
    return _PLACE.sub(lambda match: f"{match[1]}\n{_table(match[2], match[3])}\n\n{match[4]}", text)


def _table(kind: str, name: str) -> str:
    if kind == "errors":
        return "\n".join(_errors(import_module(name)))
    if kind == "measures":
        return "\n".join(_measures(import_module(name)))
    if kind == "routes":
        return "\n".join(_routes(import_module(name)))
    if kind == "overview":
        return "\n".join(_overview(import_module(name)))
    if kind == "definitions":
        return "\n\n".join(_definition(measure, import_module(name)) for measure in import_module(name).MEASURES)
    module, _, cls = name.rpartition(".")
    return "\n".join(_fields(getattr(import_module(module), cls)))


def _errors(module: ModuleType) -> Iterator[str]:
    """Yield a row for each class of error, by exit code."""
    yield "| Error | Exit code | Meaning |\n|---|---|---|"
    classes = [cls for _, cls in getmembers(module, isclass) if issubclass(cls, LgeqaError)]
    for cls in sorted(classes, key=lambda cls: (cls.exit_code, cls.__name__)):
        yield f"| `{cls.__name__}` | {cls.exit_code} | {_first_line(cls)} |"


def _measures(module: ModuleType) -> Iterator[str]:
    """Yield a row for each measure, with its docstring less its verb as the definition."""
    yield "| Measure | Input | Definition |\n|---|---|---|"
    for metric in module.METRICS:
        text = " ".join(cleandoc(metric.measure.__doc__ or "").split()).replace("|", "\\|")
        text = text.removeprefix("Compute ").removeprefix("the ")
        yield f"| `{metric.name}` | {metric.takes} | {text[0].upper()}{text[1:]} |"


def _overview(module: ModuleType) -> Iterator[str]:
    """Yield a row for each image quality measure, with its 10th, 50th and 90th percentile over the reference scans."""
    yield "| Measure | Name | Unit | Better | 10 % | Median | 90 % |\n|---|---|---|---|---|---|---|"
    reference = module.reference_scans()
    for measure in module.MEASURES:
        values = [reference.quantiles[measure.name][reference.shares.index(share)] for share in (0.1, 0.5, 0.9)]
        numbers = " | ".join(f"{value:.{measure.decimals}f}" for value in values)
        title = f"[{measure.title}](#{measure.name})"
        yield f"| {title} | `{measure.name}` | {measure.unit or 'none'} | {measure.better} | {numbers} |"


def _definition(measure: Any, module: ModuleType) -> str:
    """Return the section of an image quality measure: its meaning, and its docstring as the definition."""
    by_slice = "It is also taken slice by slice." if measure.by_slice else ""
    parts = re.split(r"\n+(?=(?:Formula|Unit|Undefined|Source): )", module.definition(measure.name))[1:]
    items = [" ".join(part.split()) for part in parts]
    if measure.if_poor:
        items.append(f"A poor value: {measure.if_poor}")
    intro = " ".join(filter(None, [f"**{measure.title}.**", measure.meaning, by_slice]))
    return "\n".join([f"### `{measure.name}`\n", f"{intro}\n", *(f"- {_with_links(item)}" for item in items)])


def _with_links(text: str) -> str:
    """Return a text with its DOIs as links."""
    return re.sub(r"doi:(10\.[^\s,;]*[^\s,;.])", r"[doi:\1](https://doi.org/\1)", text)


def _routes(module: ModuleType) -> Iterator[str]:
    """Yield a part for each route, with its parameters."""
    with TemporaryDirectory() as home:
        paths = module.create_app(Path(home), "").openapi()["paths"]
    for path, methods in paths.items():
        for method, route in methods.items():
            yield f"\n### {method.upper()} {path}\n\n{route['description']}\n"
            rows = [_parameter(parameter) for parameter in route.get("parameters", [])]
            if rows:
                yield from ("| Parameter | Part of the request | Values |\n|---|---|---|", *rows)


def _parameter(parameter: dict[str, Any]) -> str:
    return f"| `{parameter['name']}` | {parameter['in']} | {_holds(parameter['schema'])} |"


def _fields(model: type[BaseModel]) -> Iterator[str]:
    """Yield a row for each field of a model, with the description of the class that documents it last."""
    descriptions: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        descriptions |= attributes(cleandoc(cls.__doc__ or ""))
    properties = model.model_json_schema(mode="serialization")["properties"]
    has_defaults = any(not field.is_required() for field in model.model_fields.values())
    yield _row("Name", "Holds", *["Default"] * has_defaults, "Meaning")
    yield _row(*["---"] * (3 + has_defaults))
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else _default(field.default, field.default_factory)
        yield _row(f"`{name}`", _holds(properties[name]), *[default] * has_defaults, _meaning(name, descriptions))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def attributes(docstring: str) -> dict[str, str]:
    """Return the `Attributes` section of a Google docstring as descriptions by name."""
    section = re.search(r"^Attributes:\n((?:    .*\n?|\n)*)", docstring, re.MULTILINE)
    entries = re.findall(r"^ {4}(\S.*?): (.*(?:\n {8}.*)*)", section[1] if section else "", re.MULTILINE)
    return {name: " ".join(words.split()) for name, words in entries}


def _meaning(name: str, descriptions: dict[str, str]) -> str:
    """Return the description of a field from the docstring, also under a name with a star, such as `p_*`."""
    fitting = [words for key, words in descriptions.items() if re.fullmatch(key.replace("*", ".+"), name)]
    if not fitting:
        raise ValueError(f"{name}: has no description. Add it to the Attributes of its class.")
    return fitting[0].rstrip(".").replace("|", "\\|")


def _holds(schema: dict[str, Any]) -> str:
    """Return the values that a JSON schema allows, as text."""
    parts = schema.get("anyOf") or schema.get("oneOf") or []
    values = schema.get("enum") or [schema[key] for key in ("const",) if key in schema]
    if parts or values:
        return " or ".join([_holds(part) for part in parts] or [f"`{value}`" for value in values])
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    kind = schema.get("format", schema["type"])
    if kind == "array":
        return f"list of {_holds(schema['items'])}" if "items" in schema else "list"
    if kind == "object":
        return f"object of {_holds(schema['additionalProperties'])}"
    bounds = [f"{word} {schema[key]:.10g}" for key, word in _WORDS.items() if schema.get(key, _WIDEST) < _WIDEST]
    return ", ".join(["nothing" if kind == "null" else kind, *bounds])


def _default(default: Any, factory: Any) -> str:
    value = factory() if default is PydanticUndefined else default
    if isinstance(value, BaseModel):
        return "its defaults"
    if isinstance(value, Path):  # where the package is installed is nothing to print
        return "the bundle in the package"
    return "nothing" if value is None else f"`{json.dumps(value)}`"


def _first_line(cls: type) -> str:
    return cleandoc(cls.__doc__ or "").splitlines()[0]


if __name__ == "__main__":
    for path in sorted(PAGES.glob("*.md")):
        path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")
