from pathlib import Path

import pytest

from lgeqa.frontend.inline import inline_modules
from lgeqa.frontend.shared_files import SHARED

ENTRY = 'import { twice } from "./shared/math.js";\ntwice();\n'


def inline(folder: Path, **texts: str) -> str:
    """Inline `main.js` of a folder; `shared_x` is `shared/x.js`."""
    (folder / "shared").mkdir()
    for name, text in texts.items():
        (folder / f"{name.replace('_', '/')}.js").write_text(text, encoding="utf-8")
    return inline_modules("./main.js", folder, folder / "shared")


def test_modules_become_functions_that_return_their_exports(tmp_path: Path) -> None:
    math = 'import {\n  once,\n  one,\n} from "./other.js";\n\nexport function twice() {}\nconst hidden = 1;\n'
    other = "/** Do it.\n * export it\n */\nexport async function once() {}\nexport const one = 1;\nexport class A {}\n"

    text = inline(tmp_path, main=ENTRY, shared_math=math, shared_other=other)

    assert text == (
        '"use strict";\nconst modules = {};\n'
        'modules["./shared/other.js"] = (() => {\nasync function once() {}\nconst one = 1;\nclass A {}\n'
        "return { once, one, A };\n})();\n"
        'modules["./shared/math.js"] = (() => {\nconst {\n  once,\n  one,\n} = modules["./shared/other.js"];\n\n'
        "function twice() {}\nconst hidden = 1;\nreturn { twice };\n})();\n"
        'modules["./main.js"] = (() => {\nconst { twice } = modules["./shared/math.js"];\ntwice();\n'
        "return {  };\n})();\n"
    )


def test_a_module_that_two_import_is_there_once(tmp_path: Path) -> None:
    main = 'import { a } from "./a.js";\nimport { c } from "./c.js";\na(c);\n'

    text = inline(
        tmp_path, main=main, a='import { c } from "./c.js";\nexport const a = c;\n', c="export const c = 1;\n"
    )

    assert text.count("const c = 1;") == 1
    assert text.index("const c = 1;") < text.index("const a = c;")


@pytest.mark.parametrize(
    "line",
    [
        'import a from "./c.js";',
        'import * as a from "./c.js";',
        'import { c as a } from "./c.js";',
        'import "./c.js";',
        "import { c } from './c.js';",
        'import { c } from "c";',
        'const { c } = await import("./c.js");',
        "const address = import.meta.url;",
        "export default 1;",
        "export let a = 1;",
        "export { a };",
        'export * from "./c.js";',
    ],
)
def test_other_forms_are_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ValueError, match=r"\./main\.js: .* is not a form of import or export that can be inlined"):
        inline(tmp_path, main=f"{line}\n", c="export const c = 1;\n")


def test_a_circle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\./main\.js: imports itself, by way of \./main\.js, \./a\.js"):
        inline(
            tmp_path, main='import { a } from "./a.js";\n', a='import { b } from "./main.js";\nexport const a = b;\n'
        )


@pytest.mark.parametrize("text", ["</script>", "</SCRIPT >", "<!--"])
def test_text_that_would_end_the_script_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="would end the script"):
        inline(tmp_path, main=f'const text = "{text}";\n')


def test_every_shared_module_can_be_inlined() -> None:
    for path in SHARED.glob("*.js"):
        assert f'modules["./shared/{path.name}"]' in inline_modules(f"./shared/{path.name}", SHARED, SHARED)
