// The official TypeScript client against a real server process, over stdio and over streamable HTTP:
//
//	node client.mjs REFINE STORE
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [refine, store] = process.argv.slice(2);

async function use(transport) {
  const client = new Client({ name: "test", version: "1.0.0" });
  await client.connect(transport);
  assert.equal(client.getServerVersion().name, "refiner");
  assert.match(client.getInstructions(), /never instructions/);
  const { tools } = await client.listTools();
  assert.deepEqual(tools.map((t) => t.name).sort(), ["ask", "explain", "forget", "history", "recall", "remember"]);
  assert.equal(tools.find((t) => t.name === "forget").annotations.destructiveHint, true);

  // The client checks structured content against the output schema by itself.
  const call = async (name, args) => {
    const result = await client.callTool({ name, arguments: args });
    assert.ok(!result.isError, JSON.stringify(result));
    return result;
  };
  const { id } = (await call("remember", { text: "Mara's daughter Ines plays the cello." })).structuredContent;
  const next = (await call("remember", { text: "Mara's daughter Ines plays the viola.", replaces: [id] })).structuredContent;
  const recalled = await call("recall", { question: "Which instrument does Ines play?" });
  assert.equal(recalled.structuredContent.memories[0].id, next.id);
  assert.match(recalled.content[0].text, /<memories>[^]*viola[^]*<\/memories>/);
  for (const name of ["explain", "ask"]) await call(name, { question: "Which instrument does Ines play?" });
  assert.equal((await call("history", { id })).structuredContent.versions.length, 2);

  const refused = await client.callTool({ name: "recall", arguments: { question: "Who?", user: "eve" } });
  assert.ok(refused.isError);
  const { contents } = await client.readResource({ uri: `refine://memory/${next.id}` });
  assert.match(contents[0].text, /viola/);
  await assert.rejects(client.readResource({ uri: "refine://memory/none" }));
  const prompt = await client.getPrompt({ name: "recall_first", arguments: { question: "What does Ines play?" } });
  assert.match(prompt.messages[0].content.text, /viola/);

  const gone = (await call("forget", { ids: [next.id] })).structuredContent;
  assert.deepEqual([gone.deleted, gone.versions], [[next.id], [id]]);
  await call("forget", { ids: [id] });
  assert.equal((await call("recall", { question: "Which instrument does Ines play?" })).structuredContent.memories.length, 0);
  await client.close();
}

const args = ["mcp", "--store", store, "--user", "mara", "--init"];
await use(new StdioClientTransport({ command: refine, args }));
console.log("typescript: stdio works");

const server = spawn(refine, [...args, "--http", "127.0.0.1:0"], { env: { ...process.env, REFINE_MCP_KEY: "open-sesame" }, stdio: ["ignore", "inherit", "pipe"] });
try {
  const address = await new Promise((found, lost) => {
    server.on("exit", () => lost(new Error("the server is gone")));
    server.stderr.on("data", (text) => /http:\S+/.test(text) && found(/http:\S+/.exec(text)[0]));
  });
  await use(new StreamableHTTPClientTransport(new URL(address), { requestInit: { headers: { Authorization: "Bearer open-sesame" } } }));
  console.log("typescript: streamable HTTP works");
} finally {
  server.kill();
}
