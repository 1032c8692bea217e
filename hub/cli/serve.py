"""`hub serve`: HTTP doors and windows; with the embedded default also the workers."""

from typing import Annotated

import typer

from hub.app import open_hub
from hub.app import serve as serve_hub
from hub.cli.desk import missing_file, opened, read_settings
from hub.cli.init import prepare_hub
from hub.cli.output import say
from hub.cli.signals import ending_on_request

Host = Annotated[str, typer.Option(help="监听地址")]
Port = Annotated[int, typer.Option(help="监听端口", min=1, max=65535)]


Workers = Annotated[
    bool, typer.Option("--workers/--no-workers", help="同时运行处理与计时；另有 hub work、hub watch 时关闭")
]


def serve(host: Host = "127.0.0.1", port: Port = 8080, workers: Workers = True) -> None:
    """启动中心：SOAP、REST、管理页面；内嵌数据库时同时运行处理与计时，一条命令就是一个完整的中心。

    \b
    示例：
      hub serve
      hub serve --host 0.0.0.0 --port 8000
    """
    settings = read_settings()
    if missing_file(settings):
        with opened(settings) as desk:
            prepare_hub(desk)
    hub = open_hub(settings)
    say(f"监听 http://{host}:{port}/ （按 Ctrl-C 结束）")
    with ending_on_request():
        serve_hub(hub, host, port, workers=workers)
    say("已结束")
