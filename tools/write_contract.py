"""Writes the published contract: wsdl/, schemas/*.schema.json and schemas/codes/. `--check` only compares (exit 1)."""

import argparse
import csv
import io
import json
import sys
from pathlib import Path

from adapters.contract_schema import json_schema, types_xsd, wsdl
from hub.domain.codes import CODE_LISTS, CodeList
from hub.domain.records import ATTACHMENT, ITEM, PROCESS, RESULT

PUBLISHED_ADDRESS = "http://localhost:8080/soap/exchange/v1"
_JSON_SCHEMAS = {"item": ITEM, "process-record": PROCESS, "result-record": RESULT, "attachment": ATTACHMENT}


def published_files() -> dict[str, bytes]:
    """Every file of the published contract, by its path from the root of the project."""
    files = {"wsdl/exchange-v1.wsdl": wsdl(PUBLISHED_ADDRESS), "wsdl/exchange-v1.xsd": types_xsd()}
    for name, kind in _JSON_SCHEMAS.items():
        text = json.dumps(json_schema(kind), ensure_ascii=False, indent=2)
        files[f"schemas/{name}.schema.json"] = text.encode() + b"\n"
    return files | {f"schemas/codes/{name}.csv": _code_table(codes) for name, codes in CODE_LISTS.items()}


def _code_table(codes: CodeList) -> bytes:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("code", "title"))
    writer.writerows(codes.titles.items())
    return table.getvalue().encode()


def differing_files(root: Path) -> list[str]:
    """Paths of the published files that are missing under `root` or differ from what the code says."""
    return [
        name
        for name, content in published_files().items()
        if not (root / name).is_file() or (root / name).read_bytes() != content
    ]


def write_files(root: Path) -> None:
    for name, content in published_files().items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def main() -> int:
    parser = argparse.ArgumentParser(description="生成对外接口文件（WSDL、XSD、JSON Schema、代码表）")
    parser.add_argument("--check", action="store_true", help="只核对，不写文件；有差异时退出码为 1")
    arguments = parser.parse_args()
    root = Path(__file__).resolve().parent.parent
    if not arguments.check:
        write_files(root)
        return 0
    differing = differing_files(root)
    for name in differing:
        sys.stderr.write(f"{name} 与代码不一致，请运行 python -m tools.write_contract\n")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
