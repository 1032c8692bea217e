"""A value expression of an adapter document as the fields of a form, and back.

Every expression has a form: what the plain fields cannot say is shown as it stands in the document (`advanced`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adapters.converters import CONVERTERS
from adapters.document import dump_part, read_mapping
from hub.domain.errors import RejectedError
from hub.domain.fields import Flag, Kind, Whole

MOST_STEPS = 4
_SEPARATOR = "；"
_WRONG = "HUB-3004"

Expression = dict[str, Any]
FormValues = dict[str, str]


def form_of(expression: Mapping[str, Any] | None) -> FormValues:
    """What the form shows for an expression; for none, an empty `from`."""
    if expression is None:
        return {"kind": "from"}
    for kind, shown in _SHOWN.items():
        if kind in expression and (values := shown(expression)) is not None:
            common = _common(expression)
            if common is not None:
                return {"kind": kind, **values, **common}
    return {"kind": "advanced", "advanced": dump_part(expression)}


def expression_of(form: Mapping[str, str], kind: Kind) -> Expression:
    """The expression that a form says, for a field of this kind. Raises RejectedError HUB-3001 and HUB-3004."""
    read = _READ.get(form.get("kind", ""))
    if read is None:
        raise RejectedError(_WRONG, "请选择取值的方式", "kind")
    expression = read(form, kind)
    if form["kind"] == "advanced":
        return expression
    if steps := _steps(form):
        expression["convert"] = steps
    for name in ("codes", "default"):
        if form.get(name):
            expression[name] = form[name]
    return expression


# --- expression to form -------------------------------------------------------------------------------------------


def _common(expression: Mapping[str, Any]) -> FormValues | None:
    """`convert`, `codes` and `default`; None when a converter's argument does not fit a line."""
    steps = expression.get("convert", [])
    values = {name: str(expression[name]) for name in ("codes", "default") if name in expression}
    if len(steps) > MOST_STEPS:
        return None
    for place, step in enumerate(steps, start=1):
        name, argument = (step, None) if isinstance(step, str) else next(iter(step.items()))
        text = argument_text(name, argument)
        if text is None:
            return None
        values |= {f"converter_{place}": name, f"argument_{place}": text}
    return values


def _shown_template(expression: Mapping[str, Any]) -> FormValues | None:
    given = expression.get("with", {})
    if any(set(part) != {"from"} for part in given.values()):
        return None
    return {
        "template": expression["template"],
        "with": "\n".join(f"{name} = {part['from']}" for name, part in given.items()),
    }


def _shown_choices(expression: Mapping[str, Any]) -> FormValues | None:
    lines = [_choice_line(choice) for choice in expression["firstOf"]]
    return None if None in lines else {"choices": "\n".join(map(str, lines))}


def _choice_line(choice: Mapping[str, Any]) -> str | None:
    """A selector, `@部门编码`, or `=` and a text; None when it takes more than a line."""
    if len(choice) != 1:
        return None
    if "from" in choice and not choice["from"].startswith(("=", "@部门")):
        return str(choice["from"])
    if isinstance(choice.get("constant"), str) and choice["constant"].strip() == choice["constant"] != "":
        return f"={choice['constant']}"
    return _DEPARTMENT_LINES.get(choice.get("department", ""))


_DEPARTMENT_LINES = {"orgCode": "@部门编码", "orgName": "@部门名称"}


_SHOWN: Mapping[str, Callable[[Mapping[str, Any]], FormValues | None]] = {
    "from": lambda held: {"selector": held["from"], "inner": held.get("xml", "")},
    "constant": lambda held: {"constant": _plain(held["constant"])},
    "template": _shown_template,
    "firstOf": _shown_choices,
    "department": lambda held: {"department": held["department"]},
    "digest": lambda held: {"digest_of": "\n".join(held["digest"])},
}


def _plain(value: Any) -> str:
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


# --- form to expression -------------------------------------------------------------------------------------------


def _must(form: Mapping[str, str], name: str, title: str) -> str:
    text = form.get(name, "").strip()
    if not text:
        raise RejectedError("HUB-3001", f"请填写{title}", name)
    return text


def _lines(form: Mapping[str, str], name: str, title: str) -> list[str]:
    return [line.strip() for line in _must(form, name, title).splitlines() if line.strip()]


def _read_from(form: Mapping[str, str], kind: Kind) -> Expression:
    expression: Expression = {"from": _must(form, "selector", "选择器")}
    return expression | ({"xml": form["inner"].strip()} if form.get("inner", "").strip() else {})


def _read_constant(form: Mapping[str, str], kind: Kind) -> Expression:
    text = _must(form, "constant", "固定值")
    if isinstance(kind, Whole) and text.isascii() and text.isdigit() and len(text) < 16:
        return {"constant": int(text)}
    if isinstance(kind, Flag) and text in ("true", "false", "是", "否"):
        return {"constant": text in ("true", "是")}
    return {"constant": text}


def _read_template(form: Mapping[str, str], kind: Kind) -> Expression:
    expression: Expression = {"template": _must(form, "template", "模板")}
    given = [line.partition("=") for line in form.get("with", "").splitlines() if line.strip()]
    if any(not equals or not name.strip() or not selector.strip() for name, equals, selector in given):
        raise RejectedError(_WRONG, "模板里的名字每行一个，写成：名字 = 选择器", "with")
    parts = {name.strip(): {"from": selector.strip()} for name, _, selector in given}
    return expression | ({"with": parts} if parts else {})


def _read_choices(form: Mapping[str, str], kind: Kind) -> Expression:
    return {"firstOf": [_choice_of(line) for line in _lines(form, "choices", "来源，每行一个")]}


def _choice_of(line: str) -> Expression:
    parts = {shown: part for part, shown in _DEPARTMENT_LINES.items()}
    if line in parts:
        return {"department": parts[line]}
    return {"constant": line[1:].strip()} if line.startswith("=") else {"from": line}


def _read_department(form: Mapping[str, str], kind: Kind) -> Expression:
    return {"department": _must(form, "department", "取部门的哪一项")}


def _read_digest(form: Mapping[str, str], kind: Kind) -> Expression:
    return {"digest": _lines(form, "digest_of", "参与计算的选择器，每行一个")}


def _read_advanced(form: Mapping[str, str], kind: Kind) -> Expression:
    return read_mapping(_must(form, "advanced", "取值的写法"))


_READ: Mapping[str, Callable[[Mapping[str, str], Kind], Expression]] = {
    "from": _read_from, "constant": _read_constant, "template": _read_template, "firstOf": _read_choices,
    "department": _read_department, "digest": _read_digest, "advanced": _read_advanced,
}  # fmt: skip


def _steps(form: Mapping[str, str]) -> list[str | dict[str, Any]]:
    steps: list[str | dict[str, Any]] = []
    for place in range(1, MOST_STEPS + 1):
        name = form.get(f"converter_{place}", "").strip()
        if name:
            argument = argument_of(name, form.get(f"argument_{place}", "").strip())
            steps.append(name if argument is None else {name: argument})
    return steps


# --- arguments of converters: one line each -----------------------------------------------------------------------

_NAMED: Mapping[str, Mapping[str, type]] = {
    "substring": {"start": int, "length": int},
    "part": {"by": str, "index": int},
    "match": {"pattern": str, "group": int},
    "amount": {"unit": str},
    "boolean": {"yes": list, "no": list},
}
_LISTED = frozenset({"datetime", "day", "revisionTime"})
_WHOLE = frozenset({"add"})
ARGUMENT_EXAMPLES: Mapping[str, str] = {
    "substring": "start=1；length=6", "part": "by=-；index=2", "match": "pattern=[0-9]+；group=0", "split": "；",
    "datetime": "不填则自动识别；或写格式，如 yyyy-MM-dd HH:mm", "day": "同“时间”", "revisionTime": "同“时间”",
    "add": "1", "amount": "unit=fen", "boolean": "yes=是|Y|1；no=否|N|0", "default": "无",
}  # fmt: skip


def argument_of(name: str, text: str) -> Any:
    """None when nothing is given. Raises RejectedError HUB-3021 on an unknown converter, HUB-3004 on a wrong one."""
    if name not in CONVERTERS:
        raise RejectedError("HUB-3021", "没有这个转换器", "converter")
    if not text:
        return None
    if name in _NAMED:
        return dict(_named(name, part) for part in text.split(_SEPARATOR))
    if name in _LISTED:
        return [part.strip() for part in text.split(_SEPARATOR) if part.strip()]
    return _whole(name, text) if name in _WHOLE else text


def argument_text(name: str, argument: Any) -> str | None:
    """The argument in one line; None when it cannot be read back from one."""
    text = _written(name, argument)
    try:
        return text if argument_of(name, text) == argument else None
    except RejectedError:
        return None


def _named(converter: str, part: str) -> tuple[str, Any]:
    name, _, text = part.partition("=")
    kind = _NAMED[converter].get(name.strip())
    if kind is None:
        example = ARGUMENT_EXAMPLES[converter]
        raise RejectedError(_WRONG, f"“{CONVERTERS[converter].title}”的参数写成：{example}", "argument")
    if kind is int:
        return name.strip(), _whole(converter, text)
    return name.strip(), [word.strip() for word in text.split("|")] if kind is list else text


def _whole(converter: str, text: str) -> int:
    digits = text.strip().removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise RejectedError(_WRONG, f"“{CONVERTERS[converter].title}”的参数应为整数", "argument")
    return int(text)


def _written(name: str, argument: Any) -> str:
    if argument is None:
        return ""
    if isinstance(argument, Mapping):
        return _SEPARATOR.join(f"{key}={_words(value)}" for key, value in argument.items())
    if isinstance(argument, str) or not isinstance(argument, Sequence):
        return str(argument)
    return _SEPARATOR.join(map(str, argument))


def _words(value: Any) -> str:
    return "|".join(map(str, value)) if isinstance(value, list) else str(value)
