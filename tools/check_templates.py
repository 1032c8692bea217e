"""Refuses templates, styles and scripts that a strict Content-Security-Policy or a closed network would break.

    python -m tools.check_templates

Every template must compile, hold no inline script, style or event handler, and name no other site.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from jinja2 import TemplateError

from hub.console.rendering import environment

CONSOLE = Path(__file__).parents[1] / "hub" / "console"
TEMPLATES = CONSOLE / "templates"
STATIC = CONSOLE / "static"

_ELSEWHERE = re.compile(r"(?i)(?:https?:)?//[a-z0-9][a-z0-9.-]*\.[a-z]{2,}")
IN_TEMPLATES = {
    "inline script": re.compile(r"(?i)<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")"),
    "inline style": re.compile(r"(?i)<style\b|\sstyle\s*="),
    "event handler": re.compile(r"(?i)\s(?:on[a-z]+|hx-on[:a-z-]*)\s*="),
    "script address": re.compile(r"(?i)javascript:|hx-vals\s*=\s*.js:"),
    "autoescape switched off": re.compile(r"\|\s*safe\b|autoescape\s+false"),
    "address elsewhere": _ELSEWHERE,
}
IN_SCRIPTS = {
    "evaluated text": re.compile(r"\beval\(|new Function|\.innerHTML|\.outerHTML|insertAdjacentHTML"),
    "address elsewhere": _ELSEWHERE,
}


def main() -> int:
    found = [*template_problems(), *static_problems()]
    for line in found:
        print(line, file=sys.stderr)  # noqa: T201
    return 1 if found else 0


def template_problems() -> list[str]:
    made = environment()
    found = []
    for path in sorted(TEMPLATES.rglob("*.html")):
        name = path.relative_to(TEMPLATES).as_posix()
        found += [f"{name}:{line}: {problem}" for line, problem in problems(path.read_text("utf-8"), IN_TEMPLATES)]
        try:
            made.get_template(name)
        except TemplateError as error:
            found.append(f"{name}: does not compile: {error}")
    return found


def static_problems() -> list[str]:
    own = sorted(path for path in STATIC.iterdir() if path.is_file())
    return [
        f"{path.name}:{line}: {problem}"
        for path in own
        for line, problem in problems(path.read_text("utf-8"), IN_SCRIPTS)
    ]


def problems(text: str, patterns: dict[str, re.Pattern[str]]) -> Iterator[tuple[int, str]]:
    """Line and kind of everything that a pattern finds."""
    for kind, pattern in patterns.items():
        for match in pattern.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, kind


if __name__ == "__main__":
    sys.exit(main())
