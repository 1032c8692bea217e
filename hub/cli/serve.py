"""`hub serve`: HTTP doors and windows; with the embedded default also the workers."""

import socket
from typing import Annotated

import typer

from hub.app import serve as serve_hub
from hub.cli.desk import missing_file, open_desk, opened, read_settings
from hub.cli.init import prepare_hub
from hub.cli.logs import SINK, log_as_service
from hub.cli.output import say
from hub.cli.signals import ending_on_request
from hub.domain.errors import RejectedError
from hub.parts import open_hub

Host = Annotated[str, typer.Option(help="监听地址")]
Port = Annotated[int, typer.Option(help="监听端口", min=1, max=65535)]


Workers = Annotated[
    bool | None,
    typer.Option("--workers/--no-workers", help="是否同时运行处理与计时；默认：没有消息队列（db://）时运行"),
]


def serve(host: Host = "127.0.0.1", port: Port = 8080, workers: Workers = None) -> None:
    """启动中心：SOAP、REST、管理页面；内嵌数据库时同时运行处理与计时，一条命令就是一个完整的中心。

    \b
    示例：
      hub serve
      hub serve --host 0.0.0.0 --port 8000
    """
    require_free(host, port)
    settings = read_settings()
    if missing_file(settings):
        with opened(settings) as desk:
            prepare_hub(desk)
    with open_desk() as desk:
        desk.require_secret()
    hub = open_hub(settings, role="serve")
    log_as_service()
    hub.metrics.watch_dropped_lines(lambda: SINK.dropped)
    say(f"监听 http://{host}:{port}/ （按 Ctrl-C 结束）")
    with ending_on_request():
        serve_hub(hub, host, port, workers=settings.queue_is_table if workers is None else workers)
    say("已结束")
    SINK.stop()


def require_free(host: str, port: int) -> None:
    """Raises RejectedError HUB-4006 when the address cannot be listened on; the server would say so in English."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            raise RejectedError(
                "HUB-4006", f"不能监听 {host}:{port}：端口已被占用，或地址不属于本机；请换 --port"
            ) from exc
