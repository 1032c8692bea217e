"""Private RabbitMQ nodes with a name server of their own: crashes, wiped disks, alarms, clusters, partitions."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.servers import Child, free_port, is_listening, wait_until

_SCRIPTS = Path("/usr/lib/rabbitmq/bin")  # not Debian's wrappers, which change the user and forget the environment
_COOKIE = "HUBFAULTS"
_CUT = "partitioned"
_CONFIG = """\
listeners.tcp.default = 127.0.0.1:{port}
loopback_users = none
cluster_partition_handling = pause_minority
raft.wal_max_size_bytes = 64000000
disk_free_limit.absolute = 200MB
"""


def is_installed() -> bool:
    return (_SCRIPTS / "rabbitmq-server").exists() and shutil.which("epmd") is not None


@dataclass(slots=True)
class Broker:
    """One node. `kill` keeps its disk, `wipe` loses it."""

    folder: Path
    name: str
    epmd_port: int
    port: int = field(default_factory=free_port)
    kills: int = field(default=0, init=False)
    _child: Child = field(init=False)

    def __post_init__(self) -> None:
        self._child = Child([str(_SCRIPTS / "rabbitmq-server")], self._environment(), self.folder / "output")

    @property
    def node(self) -> str:
        return f"{self.name}@localhost"

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"

    def _environment(self) -> Mapping[str, str]:
        folder = self.folder
        return {
            "PATH": f"{_SCRIPTS}:{os.environ['PATH']}",
            "HOME": str(folder / "home"),
            "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # One scheduler that sleeps when idle: a broker among many processes on two cores.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-start_epmd false +S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1} net_ticktime 8"
                " -kernel prevent_overlapping_partitions false"
            ),
        }

    def create(self) -> None:
        for part in ("home", "mnesia", "log"):
            (self.folder / part).mkdir(parents=True, mode=0o700)
        cookie = self.folder / "home" / ".erlang.cookie"
        cookie.write_text(_COOKIE)
        cookie.chmod(0o400)
        (self.folder / "rabbitmq.conf").write_text(_CONFIG.format(port=self.port))
        (self.folder / "plugins").write_text("[].\n")

    def start(self) -> None:
        """Returns when it takes connections."""
        if not self._child.is_running:
            self._child.start()
        wait_until(lambda: is_listening(self.port), f"broker {self.name}; see {self.folder}")

    def begin_start(self) -> None:
        """Starts without waiting: a node of a cluster may wait for the others."""
        if not self._child.is_running:
            self._child.start()

    def kill(self) -> None:
        self.kills += 1
        self._child.kill_group()
        self._child.wait()
        wait_until(lambda: not is_listening(self.port), f"end of broker {self.name}")

    def stop(self) -> None:
        self._child.end()

    def end(self) -> None:
        if self._child.is_running:
            self._child.kill_group(signal.SIGCONT)
            self.kill()

    def wipe(self) -> None:
        """Loses everything on disk; the node must not be running."""
        shutil.rmtree(self.folder / "mnesia")
        (self.folder / "mnesia").mkdir(mode=0o700)

    def pause(self) -> None:
        self._child.kill_group(signal.SIGSTOP)

    def resume(self) -> None:
        self._child.kill_group(signal.SIGCONT)

    def control(self, *arguments: str, seconds: float = 60) -> str:
        """`rabbitmqctl` on this node; its output. Raises RuntimeError with the tool's own words."""
        return self._tool("rabbitmqctl", "--quiet", *arguments, seconds=seconds)

    def _tool(self, program: str, *arguments: str, seconds: float = 60) -> str:
        done = subprocess.run(
            [str(_SCRIPTS / program), *arguments],
            env=dict(self._child.env), capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program} {arguments[0]}: {done.stdout}{done.stderr}")
        return done.stdout

    def queue_names(self) -> list[str]:
        return self.control("list_queues", "--no-table-headers", "name").split()

    def depth(self, queue: str) -> int:
        """Messages in a queue, ready and unacknowledged; 0 when it is not there."""
        lines = self.control("list_queues", "--no-table-headers", "name", "messages").splitlines()
        found = dict(line.split("\t") for line in lines if "\t" in line)
        return int(found.get(queue) or 0)

    def leader_of(self, queue: str) -> str:
        """The node that leads a quorum queue."""
        lines = self.control("list_queues", "--no-table-headers", "name", "leader").splitlines()
        return dict(line.split("\t") for line in lines if "\t" in line)[queue]

    def is_taking_connections(self) -> bool:
        return self._child.is_running and is_listening(self.port)

    def join(self, other: "Broker") -> None:
        self.control("stop_app")
        self.control("join_cluster", other.node)
        self.control("start_app")

    def cut_off(self, others: Sequence["Broker"]) -> None:
        """A partition: this node no longer speaks to the others, nor they to it."""
        # In one go, or the others would for a moment see a partial partition and pause as well.
        cookies = [f"erlang:set_cookie('{other.node}', '{_CUT}')" for other in others]
        links = [f"erlang:disconnect_node('{other.node}')" for other in others]
        self.control("eval", ", ".join(cookies + links) + ".")

    def rejoin(self, others: Sequence["Broker"]) -> None:
        cookies = [f"erlang:set_cookie('{other.node}', '{_COOKIE}')" for other in others]
        self.control("eval", ", ".join(cookies) + ".")


@contextmanager
def name_server(folder: Path) -> Iterator[int]:
    """An Erlang port mapper of our own, away from any other on the machine; its port."""
    port = free_port()
    env = {"PATH": os.environ["PATH"], "ERL_EPMD_ADDRESS": "127.0.0.1"}
    child = Child(["epmd", "-port", str(port)], env, folder / "epmd.log")
    child.start()
    try:
        wait_until(lambda: is_listening(port), "epmd")
        yield port
    finally:
        child.end()


@contextmanager
def brokers_running(folder: Path, count: int = 1) -> Iterator[list[Broker]]:
    """Fresh nodes, in one cluster when there are several; gone afterwards."""
    with name_server(folder) as epmd_port:
        nodes = [Broker(folder / f"broker{number}", f"faults{number}", epmd_port) for number in range(1, count + 1)]
        try:
            for node in nodes:
                node.folder.mkdir()
                node.create()
                node.begin_start()
            for node in nodes:
                node.start()
            for node in nodes[1:]:
                node.join(nodes[0])
            yield nodes
        finally:
            for node in nodes:
                node.end()
