"""Fails when a JUnit report holds a skipped test: where everything is installed, a skip hides a failure."""

import argparse
import sys
from pathlib import Path

from lxml import etree


def skipped(report: Path) -> list[str]:
    """Names of skipped tests with the reason given."""
    cases = etree.parse(report).iter("testcase")
    return [
        f"{case.get('classname')}::{case.get('name')}：{mark.get('message')}"
        for case in cases
        for mark in case.findall("skipped")
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description="检查测试报告中没有被跳过的测试")
    parser.add_argument("report", type=Path)
    found = skipped(parser.parse_args().report)
    for line in found:
        sys.stderr.write(f"跳过：{line}\n")
    return 3 if found else 0


if __name__ == "__main__":
    sys.exit(main())
