"""The shape of the code, so that nobody argues: what ruff does not count."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("hub", "adapters", "ingest", "supervision")
MODULES = sorted(
    path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "migrations/versions" not in str(path)
)
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
THE_ONE_BROAD_EXCEPT = "ingest/consumer.py"


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_module_is_still_one_idea(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_no_function_does_it_all(path: Path) -> None:
    functions = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    long = {node.name for node in functions if (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION}
    assert long == set()


def test_only_the_consumer_catches_everything() -> None:
    broad = [named(path) for path in MODULES for node in ast.walk(tree_of(path)) if is_broad(node)]
    assert broad == [THE_ONE_BROAD_EXCEPT]


def is_broad(node: ast.AST) -> bool:
    if not isinstance(node, ast.ExceptHandler):
        return False
    return node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"})


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=named)
def test_package_file_holds_a_docstring_only(path: Path) -> None:
    assert all(isinstance(node, ast.Expr) for node in tree_of(path).body)
