"""A department joins without code: from a sample file to a case on the screen, in a browser, on a real hub."""

import base64
import json
import os
import re
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.hub_process import HubServer, environment, hub_json, hub_running

CHROMIUM = os.environ.get("HUB_CHROMIUM", "/usr/bin/chromium")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
)  # fmt: skip
pytestmark = [
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="no Chromium; name one in HUB_CHROMIUM"),
    pytest.mark.timeout(240),
]

COLUMNS = "SLLSH,SXBM,XMMC,SQRMC,SQRZJHM,SLSJ,HJMC,ZTM,JBR"
SAMPLE = f"""{COLUMNS}
SL20260001,33032400GS-XK-0012,样例餐饮店食品经营许可,申请人甲,330324199001010003,2026年3月2日 9:12,受理,ysl,经办人丙
SL20260002,33032400GS-XK-0012,样例商店食品经营许可,申请人乙,330324199001010011,2026年3月2日 10:05,受理,ysl,经办人丙
"""
NEXT_DAY = f"""{COLUMNS}
SL20260003,33032400GS-XK-0012,样例茶室食品经营许可,申请人丁,330324199001010038,2026年3月3日 8:40,受理,ysl,经办人丙
"""
NEW_CODE = f"""{COLUMNS}
SL20260003,33032400GS-XK-0012,样例茶室食品经营许可,申请人丁,330324199001010038,2026年3月4日 15:20,审查,shz,经办人丙
"""
ADAPTER = "gs-spjy"


@dataclass
class Desk:
    """A clerk of the centre at the console, and what the department's system does meanwhile."""

    page: Page
    server: HubServer
    complaints: list[str] = field(default_factory=list)
    secret: str = ""

    def open(self, path: str) -> None:
        self.page.goto(f"{self.server.url}{path}")

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def push(self, text: str) -> dict[str, Any]:
        """What the department's system is answered. GBK, as the old system writes it."""
        credentials = base64.b64encode(f"GS-CSV:{self.secret}".encode()).decode()
        request = urllib.request.Request(
            f"{self.server.url}/api/v1/push/{ADAPTER}",
            data=text.encode("gbk"),
            headers={"Authorization": f"Basic {credentials}", "Content-Type": "text/csv"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            receipt: dict[str, Any] = json.load(answer)
        return receipt


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    with hub_running(tmp_path_factory.mktemp("hub"), ["33032400GA"]) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as started:
        launched = started.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield launched
        launched.close()


@pytest.fixture
def desk(browser: Browser, server: HubServer) -> Iterator[Desk]:
    added = hub_json(["user", "add", "keyuan", "--role", "it_staff"], environment(server.data_dir))
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN")
    desk = Desk(context.new_page(), server)
    desk.page.on("console", lambda said: _note(desk, said))
    desk.page.on("pageerror", lambda error: desk.complaints.append(str(error)))
    desk.open("/login")
    desk.page.get_by_label("用户名").fill("keyuan")
    desk.page.get_by_label("口令").fill(added["password"])
    desk.press("登录")
    yield desk
    context.close()


def _note(desk: Desk, said: ConsoleMessage) -> None:
    if said.type in ("error", "warning"):
        desk.complaints.append(said.text)


def test_a_department_joins_without_code(desk: Desk) -> None:
    register_the_sender(desk)
    draft_from_a_sample(desk)
    mend_the_mapping(desk)
    accept_the_samples(desk)
    try_in_the_sandbox(desk)
    put_into_force(desk)
    see_the_case(desk)
    map_a_code_once(desk)
    assert desk.complaints == []


def register_the_sender(desk: Desk) -> None:
    desk.page.get_by_role("link", name="报送方", exact=True).click()
    desk.page.get_by_role("link", name="登记报送方").click()
    desk.page.get_by_label("系统名称").fill("市场监管旧系统")
    desk.page.get_by_label("报送方代码").fill("GS-CSV")
    desk.page.get_by_label("代表的部门").fill("33032400GS 样例县市场监督管理局")
    desk.press("登记并发放密钥")
    desk.secret = desk.page.locator("#secret").inner_text()
    assert len(desk.secret) > 20


def draft_from_a_sample(desk: Desk) -> None:
    page = desk.page
    page.get_by_role("link", name="为它新建适配器").click()
    page.get_by_label("适配器名称").fill("市场监管食品经营")
    page.get_by_label("适配器代码").fill(ADAPTER)
    expect(page.get_by_label("报送方")).to_have_value("GS-CSV")
    page.get_by_label("部门（报文里没有部门编码时用它）").select_option("33032400GS")
    page.get_by_label("样例文件").set_input_files(
        {"name": "shouli.csv", "mimeType": "text/csv", "buffer": SAMPLE.encode("gbk")}
    )
    desk.press("识别并起草")
    expect(page.get_by_role("table", name="样例文件")).to_contain_text("GB18030")
    expect(page.get_by_role("row", name=re.compile("^SXBM"))).to_contain_text("事项编码")
    page.get_by_role("link", name="核对映射").click()


def mend_the_mapping(desk: Desk) -> None:
    """The draft took a code for a name, and assumed a state: both are pointed to their right source."""
    page = desk.page
    expect(page.locator(".coverage")).to_contain_text("都有来源")
    choose_field(page, "办理部门名称")
    page.get_by_role("link", name="取自适配器的部门").click()
    page.get_by_label("取适配器所写部门的").select_option("orgName")
    desk.press("保存这个字段")
    expect(page.locator("#field-orgName")).to_contain_text("样例县市场监督管理局")

    page.get_by_role("navigation", name="草稿").get_by_role("link", name="代码对照").click()
    page.get_by_label("名字").fill("zt")
    page.get_by_label("对照到").select_option("stepStatus")
    desk.press("建立")
    page.get_by_label("部门的代码 第 1 行").fill("ysl")
    page.get_by_label("标准代码 第 1 行").select_option("ACCEPTED")
    desk.press("保存 zt")
    expect(page.get_by_label("部门的代码 第 1 行")).to_have_value("ysl")

    page.get_by_role("navigation", name="草稿").get_by_role("link", name="映射").click()
    choose_field(page, "环节状态")
    page.get_by_role("button", name="用 ZTM 作为 环节状态").click()
    expect(page.get_by_label("选择器", exact=True)).to_have_value("ZTM")
    page.get_by_text("转换、代码对照与缺省值").click()
    page.get_by_label("代码对照表").select_option("zt")
    expect(page.locator("#preview")).to_contain_text("ACCEPTED")  # before it is saved
    desk.press("保存这个字段")
    expect(page.locator(".pane-record")).to_contain_text('"stepStatus": "ACCEPTED"')
    expect(page.locator(".pane-record")).to_contain_text("2026-03-02T09:12:00+08:00")


def choose_field(page: Page, title: str) -> None:
    page.locator(".pane-mapping").get_by_role("link", name=title, exact=True).click()
    expect(page.locator(".field-note")).to_contain_text(title)


def accept_the_samples(desk: Desk) -> None:
    """What the samples give now is not what the first draft gave: somebody has to say that it is right."""
    page = desk.page
    desk.open(f"/adapters/{ADAPTER}")
    desk.press("进入沙箱")
    expect(page.get_by_role("alert")).to_contain_text("样例没有通过")
    desk.open(f"/adapters/{ADAPTER}/draft/samples")
    desk.press("核对过了：现在的结果就是应得的结果")
    expect(page.locator("#editor")).to_contain_text("全部通过")
    desk.complaints.clear()  # the refusal above is a 422, which the browser notes


def try_in_the_sandbox(desk: Desk) -> None:
    page = desk.page
    desk.open(f"/adapters/{ADAPTER}")
    desk.press("进入沙箱")
    expect(page.get_by_role("status")).to_contain_text(["", "已改变"])
    receipt = desk.push(SAMPLE)
    assert receipt["receiptNo"].startswith("TRIAL-")
    assert (receipt["status"], receipt["acceptedCount"]) == ("ACCEPTED", 2)
    page.reload()
    expect(page.get_by_text("读了 1 个报文、2 条记录，0 条没有通过")).to_be_visible()


def put_into_force(desk: Desk) -> None:
    desk.press("启用")
    expect(desk.page.get_by_role("table", name="版本")).to_contain_text("运行")
    receipt = desk.push(NEXT_DAY)
    assert re.match(r"R\d{8}-", receipt["receiptNo"])
    assert receipt["acceptedCount"] == 1


def see_the_case(desk: Desk) -> None:
    page, until = desk.page, time.monotonic() + 30
    while time.monotonic() < until:
        desk.open("/cases?q=样例茶室")
        if page.locator("#results tbody tr").count():
            break
        time.sleep(0.2)
    page.locator("#results tbody th a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("样例茶室食品经营许可")
    desk.open(f"/adapters/{ADAPTER}")
    expect(page.get_by_role("table", name="近日数量").get_by_role("row").nth(1)).to_contain_text("100%")


def map_a_code_once(desk: Desk) -> None:
    """A code that nobody knew is mapped on its page, and what had it is read again by itself."""
    page, until = desk.page, time.monotonic() + 30
    desk.push(NEW_CODE)
    while time.monotonic() < until:
        desk.open("/unmapped-codes?state=OPEN")
        if page.locator("#results tbody tr").count():
            break
        time.sleep(0.2)
    row = page.get_by_role("row", name=re.compile("^shz"))
    expect(row).to_contain_text("环节状态")
    row.get_by_role("combobox").select_option("RUNNING")
    row.get_by_role("button", name="对照并重放").click()
    expect(page).to_have_url(re.compile(r"/replays/\d+$"))
    while time.monotonic() < until and not page.get_by_text("已完成").count():
        time.sleep(0.5)
        page.reload()
    desk.open("/cases?q=样例茶室")
    page.locator("#results tbody th a").first.click()
    expect(page.locator(".timeline")).to_contain_text("正在处理")
    desk.open("/unmapped-codes?state=OPEN")
    expect(page.get_by_text("没有符合条件的记录")).to_be_visible()
