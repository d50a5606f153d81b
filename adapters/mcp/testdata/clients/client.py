"""The official Python client against a real server process, over stdio and over streamable HTTP:

    python client.py REFINE STORE
"""

import asyncio
import os
import re
import subprocess
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client


async def use(session: ClientSession) -> None:
    assert (await session.initialize()).serverInfo.name == "refiner"
    tools = {tool.name: tool for tool in (await session.list_tools()).tools}
    assert sorted(tools) == ["ask", "explain", "forget", "history", "recall", "remember"], sorted(tools)
    assert tools["recall"].annotations.readOnlyHint and tools["forget"].annotations.destructiveHint

    async def call(name: str, **arguments):
        result = await session.call_tool(name, arguments)
        assert not result.isError, result
        return result.structuredContent

    question = "Which instrument does Ines play?"
    first = (await call("remember", text="Mara's daughter Ines plays the cello."))["id"]
    again = await call("remember", text="Mara's daughter Ines plays the cello.")
    assert again == {"id": first, "added": False}, again
    assert (await call("recall", question=question))["memories"][0]["id"] == first
    for name in ("explain", "ask"):
        await call(name, question=question)
    refused = await session.call_tool("recall", {"question": question, "tenant": "other"})
    assert refused.isError
    assert (await call("forget", ids=[first]))["deleted"] == [first]
    assert (await call("recall", question=question))["memories"] == []


async def main(refine: str, store: str) -> None:
    arguments = ["mcp", "--store", store, "--user", "mara", "--init"]
    async with stdio_client(StdioServerParameters(command=refine, args=arguments)) as (read, write):
        async with ClientSession(read, write) as session:
            await use(session)
    print("python: stdio works")

    server = subprocess.Popen([refine, *arguments, "--http", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True, env={**os.environ, "REFINE_MCP_KEY": "open-sesame"})
    try:
        address = re.search(r"http:\S+", server.stderr.readline()).group()
        async with streamablehttp_client(address, headers={"Authorization": "Bearer open-sesame"}) as (read, write, _):
            async with ClientSession(read, write) as session:
                await use(session)
        print("python: streamable HTTP works")
    finally:
        server.terminate()
        server.wait(20)


asyncio.run(main(*sys.argv[1:]))
