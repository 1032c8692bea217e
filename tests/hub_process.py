"""A real hub in processes of its own: what a county would run, on a free loopback port and a directory of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 60  # generous: a shared machine may be busy
STOP_SECONDS = 30

ORG_CODES = ("33032400GS", "33032400GA", "33032400AJ", "33032400HJ")


@dataclass(frozen=True)
class HubServer:
    """A running hub with one sender that may speak for `org_codes`, and a supervisor's token."""

    url: str
    sender: str
    secret: str
    token: str
    data_dir: Path
    org_codes: tuple[str, ...] = ORG_CODES


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """The caller's environment without its own hub settings."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    return mine | {"HUB_DATA_DIR": str(data_dir), "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"} | settings


def hub(arguments: Sequence[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs one command to its end."""
    command = [sys.executable, "-m", "hub", *arguments]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def hub_json(arguments: Sequence[str], env: Mapping[str, str]) -> Any:
    done = hub([*arguments, "--json"], env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextmanager
def running(arguments: Sequence[str], env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs until told to end. Ending must be clean: SIGTERM, then exit within STOP_SECONDS."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "hub", *arguments],
            cwd=ROOT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            yield process
        finally:
            code = stop(process)
        assert code == 0, log.read_text(errors="replace")


def stop(process: subprocess.Popen[bytes]) -> int:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def wait_until_answering(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Returns when the address answers at all; fails with the process's own words when it ended or takes too long."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise AssertionError(f"the hub ended with {process.returncode}:\n{log.read_text(errors='replace')}")
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"no answer within {START_SECONDS} s:\n{log.read_text(errors='replace')}")


@contextmanager
def hub_running(data_dir: Path, org_codes: Sequence[str] = ORG_CODES, **settings: str) -> Iterator[HubServer]:
    """A hub prepared, started and stopped."""
    port = free_port()
    url, log = f"http://127.0.0.1:{port}", data_dir / "serve.log"
    env = environment(data_dir, HUB_AREA_CODE="330324", HUB_POLL_SECONDS="0.05", HUB_PUBLIC_URL=url, **settings)
    assert hub(["init"], env).returncode == 0
    orgs = [part for org_code in org_codes for part in ("--org", org_code)]
    added = hub_json(["sender", "add", "test", "--name", "测试报送系统", *orgs], env)
    token = hub_json(["token", "create", "--role", "supervisor"], env)["token"]
    with running(["serve", "--host", "127.0.0.1", "--port", str(port)], env, log) as process:
        wait_until_answering(url + "/soap/exchange/v1?wsdl", process, log)
        yield HubServer(url, added["sender"], added["secret"], token, data_dir, tuple(org_codes))
