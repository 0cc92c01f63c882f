"""An MCP server over HTTP for `.ci/mcp`: three tools, one that fails, and one that is slow."""

import asyncio
import sys

from fastmcp import FastMCP
from fastmcp.server.dependencies import get_http_headers

desk = FastMCP("desk")


@desk.tool(annotations={"readOnlyHint": True})
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@desk.tool
def fails(why: str) -> str:
    """Fails."""
    raise ValueError(why)


@desk.tool
def secret() -> str:
    """Repeats the credential of the request."""
    return get_http_headers(include_all=True).get("authorization", "none")


@desk.tool
async def slow(seconds: float) -> str:
    """Waits."""
    await asyncio.sleep(seconds)
    return "done"


desk.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False)
