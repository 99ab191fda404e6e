"""The yardstick: one JSON route in Starlette, on the same server, settings and certificate as Local Azure."""

import asyncio
import json
import os
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from emulator.server import listen, loop_factory

DOCUMENT = json.loads(os.environ.get("BARE_DOCUMENT", "{}"))


async def answer(_: Request) -> JSONResponse:
    return JSONResponse(DOCUMENT)


async def serve(folder: Path) -> None:
    listener = listen(0)
    app = Starlette(routes=[Route("/api/projects/local/assistants/{agent_id}", answer)])
    config = uvicorn.Config(
        app,
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        ssl_certfile=str(folder / "leaf.pem"),
        ssl_keyfile=str(folder / "leaf.key"),
    )
    print(json.dumps({"ready": True, "port": listener.getsockname()[1]}), flush=True)
    await uvicorn.Server(config).serve([listener])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(Path(sys.argv[1])))
