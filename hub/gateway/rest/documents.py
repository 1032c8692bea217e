"""The door described: an OpenAPI document for programs, and a plain page for people."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute

from adapters.contract_schema import json_schema
from adapters.contract_types import type_name
from hub.domain.records import ATTACHMENT, RECORD_KINDS, RecordKind
from hub.gateway.rest.models import Problem
from hub.gateway.rest.problems import MEDIA_TYPE

OPENAPI_PATH = "/api/v1/openapi.json"
DOCS_PATH = "/docs"
_COMPONENT = "#/components/schemas/{model}"
_SECURITY_SCHEMES = {
    "sender": {"type": "http", "scheme": "basic", "description": "报送方代码与密钥"},
    "staff": {"type": "http", "scheme": "bearer", "description": "hub token create 发放的令牌"},
}

PROBLEM_ANSWER: dict[str, Any] = {
    "description": "失败，说明见 code 与 errors",
    "content": {MEDIA_TYPE: {"schema": {"$ref": _COMPONENT.format(model="Problem")}}},
}


_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "报文标识，由报送方编定；重发同一报文时保持不变",
    "schema": {"type": "string", "minLength": 1, "maxLength": 100},
}


def describe_push(kind: RecordKind) -> dict[str, Any]:
    """What FastAPI cannot see of a push, as its body is read by hand."""
    records = {
        "type": "array",
        "items": {"$ref": _COMPONENT.format(model=type_name(kind.record))},
        "minItems": 1,
        "maxItems": kind.max_per_message,
    }
    wrapped = {
        "type": "object",
        "properties": {"records": records},
        "required": ["records"],
        "additionalProperties": False,
    }
    return _described_body({"application/json": {"schema": {"oneOf": [wrapped, records]}}}, _KEY)


def describe_attachment() -> dict[str, Any]:
    """As `describe_push`."""
    schema = {"$ref": _COMPONENT.format(model=type_name(ATTACHMENT.record))}
    return _described_body({"application/json": {"schema": schema}}, _KEY)


def describe_adapted_push() -> dict[str, Any]:
    """A push in a department's own form; its message id may stand in the message."""
    description = "报文标识；不写时取报文自带的标识，再没有则按内容的摘要认定重复"
    texts = dict.fromkeys(("application/xml", "application/json", "text/csv"), {"schema": {"type": "string"}})
    form = {
        "type": "object",
        "properties": {"file": {"type": "string", "format": "binary", "description": "CSV、xlsx、XML 或 JSON 文件"}},
        "required": ["file"],
    }
    return _described_body(
        texts | {"multipart/form-data": {"schema": form}}, _KEY | {"required": False, "description": description}
    )


def _described_body(content: Mapping[str, Any], key: Mapping[str, Any]) -> dict[str, Any]:
    return {"parameters": [key], "requestBody": {"required": True, "content": content}}


def openapi_document(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    document = get_openapi(
        title="县级政务数据交换枢纽",
        version="1",
        description="数据报送与查询接口。时间带时区偏移；没有偏移的时间按北京时间理解。",
        routes=routes,
        servers=[{"url": "/"}],
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas |= _problem_schemas() | _record_schemas()
    components["schemas"] = dict(sorted(schemas.items()))
    components["securitySchemes"] = _SECURITY_SCHEMES
    return document


def _problem_schemas() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template=_COMPONENT)
    nested: dict[str, Any] = schema.pop("$defs")
    return nested | {"Problem": schema}


def _record_schemas() -> dict[str, Any]:
    """The published JSON Schemas of the records with their nested definitions beside them, as OpenAPI wants it."""
    found: dict[str, Any] = {}
    for kind in (*RECORD_KINDS.values(), ATTACHMENT):
        schema = json_schema(kind)
        nested = schema.pop("$defs")
        own = {name: value for name, value in schema.items() if not name.startswith("$")}
        found |= {type_name(kind.record): own} | nested
    return {name: _moved(schema) for name, schema in found.items()}


def _moved(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_moved(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: value.replace("#/$defs/", "#/components/schemas/") if name == "$ref" else _moved(value)
        for name, value in schema.items()
    }


class Documents:
    """Serves both; each is made when first asked for, as making them takes longer than the rest of the start."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._routes = tuple(routes)

    @cached_property
    def document(self) -> dict[str, Any]:
        return openapi_document(self._routes)

    @cached_property
    def page(self) -> str:
        template = Environment(autoescape=True).from_string(_PAGE)
        title = self.document["info"]["title"]
        return template.render(style=_STYLE, title=title, groups=_groups(self.document))

    def register(self, router: APIRouter) -> None:
        for path, serve in ((OPENAPI_PATH, self._serve_document), (DOCS_PATH, self._serve_page)):
            router.add_api_route(path, serve, methods=["GET"], include_in_schema=False)

    def _serve_document(self, request: Request) -> Response:
        return JSONResponse(self.document)

    def _serve_page(self, request: Request) -> Response:
        return HTMLResponse(self.page, headers={"Content-Security-Policy": _PAGE_POLICY})


def _groups(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            groups.setdefault(operation["tags"][0], []).append(_shown(path, method, operation))
    return groups


def _shown(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    return {
        "method": method.upper(),
        "path": path,
        "title": operation["summary"],
        "who": _callers(operation),
        "parameters": [part for part in operation.get("parameters", ()) if part["in"] != "path"],
        "answers": [(status, answer["description"]) for status, answer in operation["responses"].items()],
    }


def _callers(operation: dict[str, Any]) -> str:
    schemes = [name for option in operation.get("security", ()) for name in option]
    return "；".join(_SECURITY_SCHEMES[name]["description"] for name in schemes) or "不需要凭据"


_STYLE = """
body{font:16px/1.7 "Noto Sans CJK SC","Microsoft YaHei",sans-serif;color:#1f2937}
body{max-width:60rem;margin:2rem auto;padding:0 1rem}
h1,h2{color:#12325c}h3{margin:2rem 0 .25rem;font-size:1.05rem}
code{font-family:Consolas,monospace;background:#f1f4f8;padding:.1rem .3rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0}
th,td{border:1px solid #d5dbe3;padding:.3rem .6rem;text-align:left;vertical-align:top}
th{background:#f1f4f8;font-weight:600;width:12rem}
"""
_STYLE_DIGEST = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_NOTHING_ELSE = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_PAGE_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; {_NOTHING_ELSE}"
_PAGE = """<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }} · 接口说明</title><style>{{ style | safe }}</style></head>
<body><h1>{{ title }} · 接口说明</h1>
<p>机器可读的完整说明（含每个字段）：<a href="/api/v1/openapi.json">OpenAPI 文档</a>。
SOAP 接口说明：<a href="/soap/exchange/v1?wsdl">WSDL</a>。失败的答复是 <code>application/problem+json</code>，
其中 <code>type</code> 指向错误说明页。</p>
{% for group, operations in groups.items() %}
<h2>{{ group }}</h2>
{% for operation in operations %}
<h3>{{ operation.title }}</h3>
<p><code>{{ operation.method }} {{ operation.path }}</code></p>
<table>
<tr><th scope="row">凭据</th><td>{{ operation.who }}</td></tr>
{% for parameter in operation.parameters %}
<tr><th scope="row"><code>{{ parameter.name }}</code>{{ "（必填）" if parameter.required }}</th>
<td>{{ parameter.description }}</td></tr>
{% endfor %}
{% for status, description in operation.answers %}
<tr><th scope="row">{{ "答复 " ~ status if status != "default" else "其他答复" }}</th><td>{{ description }}</td></tr>
{% endfor %}
</table>
{% endfor %}
{% endfor %}
</body></html>
"""
