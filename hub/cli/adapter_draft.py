"""`hub adapter draft`: from sample messages to a draft of an adapter document."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.document import dump_document
from adapters.suggest.drafting import Draft, draft_adapter
from adapters.suggest.questions import QUESTION_TITLES, QuestionKind
from adapters.suggest.sample_files import SampleFile
from hub.cli.noun import Noun
from hub.cli.output import JsonFlag, say, write, write_json
from hub.domain.errors import NotFoundError, RejectedError


def draft(  # noqa: PLR0913 - one parameter per option
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="样例：XML、JSON、CSV、xlsx、WSDL、XSD")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="写到文件；不写则输出到标准输出")] = None,
    code: Annotated[str, typer.Option(help="适配器代码，例如 shuili-qsxk")] = "new-adapter",
    title: Annotated[str | None, typer.Option(help="名称；省略则用代码")] = None,
    org: Annotated[str | None, typer.Option(help="部门编码，报文里没有时用它")] = None,
    org_name: Annotated[str | None, typer.Option(help="部门名称")] = None,
    as_json: JsonFlag = False,
) -> None:
    """读样例报文，起草适配器文档：识别编码和结构，按名称、拼音和取值对应字段，列出待人确认的问题。

    \b
    示例：
      hub adapter draft shouli.xml banjie.xml -o draft.yaml --code shuili-qsxk --title 水利局取水许可
      hub adapter draft *.csv --json
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]{1,39}", code):
        raise RejectedError("HUB-4006", "适配器代码应以小写字母开头，由小写字母、数字和短横组成，2 至 40 位")
    department = {"orgCode": org} | ({"orgName": org_name} if org_name else {}) if org else None
    samples = [SampleFile(path.name, _read(path)) for path in files]
    drafted = draft_adapter(samples, code, title or code, department)
    if as_json:
        write_json(_as_json(drafted))
        return
    for line in _explanation(drafted):
        say(line)
    text = dump_document(drafted.document)
    if output is None:
        write(text)
    else:
        output.write_text(text, encoding="utf-8")
        say(f"草稿已写入 {output}")


def add_to(noun: Noun) -> None:
    """Registers the verb with the noun that `hub adapter` is."""
    noun.verb("draft")(draft)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise NotFoundError("HUB-4043", "样例文件不存在或不能读取") from exc


def _explanation(drafted: Draft) -> Iterator[str]:
    """What was detected, what goes where and why, what is left to a person."""
    for sample in drafted.samples:
        yield f"样例 {sample.file.name}：{sample.format}，{sample.charset}（{sample.reason}）"
    for unit in drafted.units:
        yield f"记录 {unit.name}：看了 {unit.shape.count} 条，{len(unit.shape.fields)} 个字段"
        for route in unit.routes:
            yield f"  入{route.title}："
            for target, pair in sorted(route.matching.assigned.items()):
                yield f"    {target} {pair.target.title} ← {pair.source.name}（{_percent(pair.score)}，{pair.reason}）"
    for question in drafted.questions:
        where = f"{question.route}：" if question.route else ""
        yield f"{QUESTION_TITLES[question.kind]}：{where}{question.text}"
    missing = sum(question.kind is QuestionKind.MISSING for question in drafted.questions)
    yield f"待补的必填项 {missing} 个" if missing else "必填项都有来源，请逐项核对后导入"


def _percent(score: float) -> str:
    return f"{min(score, 1):.0%}"


def _as_json(drafted: Draft) -> dict[str, Any]:
    return {
        "document": drafted.document,
        "samples": [
            {"name": one.file.name, "format": one.format, "charset": one.charset, "reason": one.reason}
            for one in drafted.samples
        ],
        "suggestions": [
            {
                "unit": unit.name, "route": route.name, "target": target, "source": pair.source.name,
                "score": round(min(pair.score, 1), 2), "reason": pair.reason, "chosen": pair is ranked[0],
            }
            for unit in drafted.units
            for route in unit.routes
            for target in route.matching.by_target
            for ranked in [route.ranked(target)]
            for pair in ranked[:3]
        ],
        "questions": [
            {"kind": one.kind.value, "route": one.route, "target": one.target, "text": one.text}
            for one in drafted.questions
        ],
    }  # fmt: skip
