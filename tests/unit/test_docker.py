"""The container files against the program: commands, settings, secrets, volumes and paths all exist."""

import http.server
import json
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from hub.app import GRACE_SECONDS
from hub.cli.main import build
from hub.config import Settings
from ingest.topology import POLICIES

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
HUB_SERVICES = {name: service for name, service in SERVICES.items() if service["image"].startswith("county-exchange")}
DOCKERFILE = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
IGNORE = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()


def arguments_are_known(arguments: list[str]) -> None:
    """Raises when `hub` would refuse the arguments; runs nothing."""
    command: Any = typer.main.get_command(build())
    while arguments and hasattr(command, "commands"):
        name, *arguments = arguments
        command = command.commands[name]
    command.make_context("hub", list(arguments))


def instructions(name: str) -> Iterator[str]:
    """Arguments of every such instruction, continued lines joined."""
    for line in DOCKERFILE.replace("\\\n", " ").splitlines():
        if line.startswith(f"{name} "):
            yield line.removeprefix(f"{name} ").strip()


@pytest.mark.parametrize("name", sorted(HUB_SERVICES))
def test_every_service_runs_a_command_of_the_hub(name: str):
    arguments_are_known(HUB_SERVICES[name]["command"])


def test_the_image_itself_runs_a_command_of_the_hub():
    assert list(instructions("ENTRYPOINT")) == ['["hub"]']
    arguments_are_known(json.loads(next(instructions("CMD"))))


def test_every_role_has_a_service_and_two_work():
    roles = {service["command"][0] for service in HUB_SERVICES.values()}
    assert roles == {"init", "serve", "relay", "work", "watch", "pull", "backup"}
    assert HUB_SERVICES["worker"]["deploy"]["replicas"] >= 2


@pytest.mark.parametrize("name", sorted(HUB_SERVICES))
def test_every_variable_is_a_setting(name: str):
    given = {variable for variable in HUB_SERVICES[name]["environment"] if variable.startswith("HUB_")}
    assert given <= {f"HUB_{field.upper()}" for field in Settings.model_fields}


def test_the_settings_of_the_services_are_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for secret in COMPOSE["secrets"]:
        (tmp_path / secret).write_text("p@ss", encoding="utf-8")
    for name, value in HUB_SERVICES["web"]["environment"].items():
        value = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value)
        monkeypatch.setenv(name, value.replace("/run/secrets", str(tmp_path)))
    settings = Settings()
    assert settings.database() == "postgresql://hub:p%40ss@database:5432/hub"
    assert settings.broker() == "amqp://hub:p%40ss@broker:5672/%2F"
    assert settings.secret() == b"p@ss"


def test_no_secret_stands_in_a_file_of_the_tree():
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert "PASSWORD" not in name or str(value).startswith("/run/secrets/"), name
    assert "docker/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_what_a_service_names_is_declared(name: str):
    service = SERVICES[name]
    assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
    assert set(service["networks"] if name in HUB_SERVICES else service.get("networks", [])) <= set(COMPOSE["networks"])
    assert set(service.get("depends_on", {})) <= set(SERVICES)
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        assert (DOCKER / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], volume


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_bounded_and_told_how_to_restart(name: str):
    service = SERVICES[name]
    assert service["mem_limit"] == "512m"
    assert "restart" in service


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"prometheus", "grafana"}))
def test_who_is_waited_for_can_say_that_it_is_ready(name: str):
    for other, wanted in SERVICES[name].get("depends_on", {}).items():
        if wanted["condition"] == "service_healthy":
            assert "test" in SERVICES[other]["healthcheck"]
        else:
            assert SERVICES[other]["restart"] == "no"


@pytest.mark.parametrize("name", sorted(HUB_SERVICES))
def test_a_service_of_the_hub_has_no_rights_that_it_does_not_need(name: str):
    service = HUB_SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_ports_are_published_on_this_machine_only():
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_a_stopped_service_may_finish_what_is_under_way():
    assert {service["stop_grace_period"] for service in HUB_SERVICES.values()} == {"30s"}
    assert GRACE_SECONDS < 30


def test_the_image_does_not_run_as_root():
    assert list(instructions("USER")) == ["10001:10001"]


def copied_sources() -> list[str]:
    lines = [line for line in instructions("COPY") if not line.startswith("--from")]
    return [source for line in lines for source in shlex.split(line)[:-1]]


@pytest.mark.parametrize("source", copied_sources())
def test_what_the_image_copies_exists_and_is_not_ignored(source: str):
    assert (ROOT / source).exists()
    assert f"!{source}" in IGNORE


def test_every_package_is_in_the_image():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench", "tools"}
    assert packages <= set(copied_sources())


def test_definitions_of_the_broker_are_the_policies_of_the_program():
    stated = json.loads((DOCKER / "rabbitmq" / "definitions.json").read_text(encoding="utf-8"))["policies"]
    assert stated == [
        {
            "vhost": "/",
            "name": policy.name,
            "pattern": policy.pattern,
            "apply-to": "queues",
            "definition": dict(policy.definition),
            "priority": policy.priority,
        }
        for policy in POLICIES
    ]


def test_prometheus_asks_services_that_exist():
    scraped = yaml.safe_load((DOCKER / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    names = {name for job in scraped for sd in job["dns_sd_configs"] for name in sd["names"]}
    assert names <= set(SERVICES)
    assert {"web", "relay", "worker", "watch"} == names


class _Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def health(address: str) -> int:
    command = [sys.executable, str(DOCKER / "healthcheck.py"), address]
    return subprocess.run(
        command, check=False, capture_output=True, env={"http_proxy": "http://127.0.0.1:9"}
    ).returncode


def test_health_check_tells_fit_from_unfit_from_gone(address: str):
    assert health(address + "/readyz") == 0
    assert health(address + "/unfit") == 1
    assert health("http://127.0.0.1:9/readyz") == 1
