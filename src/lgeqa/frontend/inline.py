"""ES modules as one script that a page can contain, for pages that are opened as files and may load nothing."""

import re
from pathlib import Path
from typing import Final

#: `import { a, b } from "./path.js";` at the start of a line, over one or several lines.
_IMPORT: Final = re.compile(r'^import \{(\s*\w+(?:,\s+\w+)*,?\s*)\} from "(\./[\w./-]+\.js)";$', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:async function|function|class|const) (\w+))", re.MULTILINE)
#: A comment on lines of its own, which the page has no use for.
_DOCUMENTATION: Final = re.compile(r"^ */\*\*.*?\*/\n", re.MULTILINE | re.DOTALL)
_COMMENT: Final = re.compile(r"/\*.*?\*/|(?<!:)//[^\n]*", re.DOTALL)
_SHARED: Final = "./shared/"


def inline_modules(entry: str, folder: Path, shared: Path) -> str:
    """Return a classic script that does what an ES module and all modules that it imports do.

    Each module becomes a function that runs once and returns what the module exports, so names of two modules never
    meet. Only the forms that this package uses are understood: `import { name } from "./path.js";` and `export` before
    a function, class or constant.

    Args:
        entry: Path of the module that the page starts with, for example `./report.js`.
        folder: Folder of the module and its neighbours.
        shared: Folder of the modules whose path is `./shared/` and a name.

    Raises:
        ValueError: A module has another form of import or export, imports itself in a circle, or could end the
            script element that it is put into.
    """
    bodies: dict[str, str] = {}
    _add(entry, folder, shared, bodies, ())
    return '"use strict";\nconst modules = {};\n' + "".join(bodies.values())


def _add(path: str, folder: Path, shared: Path, bodies: dict[str, str], importers: tuple[str, ...]) -> None:
    """Add a module to `bodies`, after the modules that it imports."""
    if path in importers:
        raise ValueError(f"{path}: imports itself, by way of {', '.join(importers)}")
    if path in bodies:
        return
    file = shared / path.removeprefix(_SHARED) if path.startswith(_SHARED) else folder / path
    text = _DOCUMENTATION.sub("", file.read_text(encoding="utf-8"))
    paths = {relative: _absolute(relative, path) for _, relative in _IMPORT.findall(text)}
    for imported in paths.values():
        _add(imported, folder, shared, bodies, (*importers, path))
    bodies[path] = _as_function(path, text, paths)


def _absolute(relative: str, importer: str) -> str:
    """Return the path of a module as the entry imports it. Shared modules import their neighbours as `./name.js`."""
    return _SHARED + relative.removeprefix("./") if importer.startswith(_SHARED) else relative


def _as_function(path: str, text: str, paths: dict[str, str]) -> str:
    """Return a module as a function that is called at once and whose result is kept in `modules`."""
    exported = _EXPORT.findall(text)
    body = _IMPORT.sub(lambda match: f'const {{{match[1]}}} = modules["{paths[match[2]]}"];', text)
    body = _EXPORT.sub("", body)
    if other := re.search(r"\b(?:import|export)\b.*", _COMMENT.sub("", body)):
        raise ValueError(f"{path}: {other[0]!r} is not a form of import or export that can be inlined")
    if re.search(r"</script|<!--", body, re.IGNORECASE):
        raise ValueError(f"{path}: contains text that would end the script")
    return f'modules["{path}"] = (() => {{\n{body}return {{ {", ".join(exported)} }};\n}})();\n'
