// anthropic-sdk-typescript and ollama-js against the proxy, unchanged: others.mjs BASE_URL KEY
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import { Ollama } from "ollama";

const [base, key] = process.argv.slice(2);
const root = base.replace(/\/v1$/, "");
const said = "You live in Madrid since 2019.";
const messages = [{ role: "user", content: "Where do I live?" }];
const weather = [{ role: "user", content: "What is the weather in Lisbon?" }];

const client = new Anthropic({ baseURL: root, apiKey: key, maxRetries: 0 });
const options = { model: "scripted", max_tokens: 1000 };
const answer = await client.messages.create({ ...options, messages });
assert.deepEqual([answer.content.at(-1).text, answer.stop_reason], [said, "end_turn"]);
assert.equal(await client.messages.stream({ ...options, messages }).finalText(), said);
const tools = [{ name: "weather", input_schema: { type: "object", properties: { city: { type: "string" } } } }];
const call = await client.messages.create({ ...options, messages: weather, tools });
assert.deepEqual([call.stop_reason, call.content[0].input], ["tool_use", { city: "Lisbon" }]);
assert.deepEqual((await client.messages.stream({ ...options, messages: weather, tools }).finalMessage()).content[0].input, { city: "Lisbon" });
const results = [...weather, { role: "assistant", content: call.content }, { role: "user", content: [{ type: "tool_result", tool_use_id: call.content[0].id, content: "21 degrees" }] }];
assert.equal((await client.messages.create({ ...options, messages: results, tools })).content[0].text, "It has 21 degrees.");
await assert.rejects(client.messages.create({ ...options, model: "busy", messages }), (e) => e instanceof Anthropic.RateLimitError);
await assert.rejects(client.messages.stream({ ...options, model: "breaks", messages }).finalText(), /broke off/);

const ollama = new Ollama({ host: root, headers: { Authorization: "Bearer " + key } });
assert.deepEqual((await ollama.list()).models.map((m) => m.model), ["scripted"]);
assert.equal((await ollama.chat({ model: "scripted", messages })).message.content, said);
let text = "";
for await (const part of await ollama.chat({ model: "scripted", messages, stream: true })) text += part.message.content;
assert.equal(text, said);
assert.equal((await ollama.generate({ model: "scripted", prompt: messages[0].content })).response, said);
const functions = [{ type: "function", function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } } }];
const called = (await ollama.chat({ model: "scripted", messages: weather, tools: functions })).message;
assert.deepEqual(called.tool_calls[0].function.arguments, { city: "Lisbon" });
assert.equal((await ollama.chat({ model: "scripted", messages: [...weather, called, { role: "tool", content: "21 degrees" }], tools: functions })).message.content, "It has 21 degrees.");
await assert.rejects(ollama.chat({ model: "busy", messages }), (e) => e.status_code === 429);
await assert.rejects(async () => {
  for await (const _ of await ollama.chat({ model: "breaks", messages, stream: true }));
}, /broke off/);
console.log("ok");
