// openai-node against the proxy, unchanged: client.mjs BASE_URL KEY
import assert from "node:assert/strict";
import OpenAI from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "Where do I live?" }];
const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } } }];
const said = "You live in Madrid since 2019.";

assert.deepEqual((await client.models.list()).data.map((m) => m.id), ["scripted"]);
const answer = await client.chat.completions.create({ model: "scripted", messages });
assert.equal(answer.choices[0].message.content, said);

let text = "", finish = null;
for await (const chunk of await client.chat.completions.create({ model: "scripted", messages, stream: true })) {
  text += chunk.choices[0]?.delta.content ?? "";
  finish = chunk.choices[0]?.finish_reason ?? finish;
}
assert.deepEqual([text, finish], [said, "stop"]);

const weather = [{ role: "user", content: "What is the weather in Lisbon?" }];
const call = (await client.chat.completions.create({ model: "scripted", messages: weather, tools })).choices[0];
assert.deepEqual([call.finish_reason, JSON.parse(call.message.tool_calls[0].function.arguments)], ["tool_calls", { city: "Lisbon" }]);
let given = "";
for await (const chunk of await client.chat.completions.create({ model: "scripted", messages: weather, tools, stream: true })) {
  for (const part of chunk.choices[0]?.delta.tool_calls ?? []) given += part.function.arguments ?? "";
}
assert.deepEqual(JSON.parse(given), { city: "Lisbon" });
weather.push(call.message, { role: "tool", tool_call_id: call.message.tool_calls[0].id, content: "21 degrees" });
assert.equal((await client.chat.completions.create({ model: "scripted", messages: weather, tools })).choices[0].message.content, "It has 21 degrees.");

assert.deepEqual((await client.embeddings.create({ model: "scripted", input: "a" })).data[0].embedding, [1, 0.5]);

const fine = await client.chat.completions.create({ model: "scripted", messages }, { headers: { "X-Refine": "always" } });
assert.ok(fine.choices[0].message.content.includes("Lisbon") && !fine.choices[0].message.content.includes("Madrid"), fine.choices[0].message.content);
text = "";
for await (const chunk of await client.chat.completions.create({ model: "scripted", messages, stream: true, refine: "always" })) text += chunk.choices[0]?.delta.content ?? "";
assert.ok(text.includes("Lisbon") && !text.includes("Madrid"), text);

const fails = (kind, code, promise) => assert.rejects(promise, (e) => e instanceof kind && e.code === code && e.message.length > 5);
await fails(OpenAI.AuthenticationError, "invalid_api_key", new OpenAI({ baseURL, apiKey: "rfn_wrong", maxRetries: 0 }).chat.completions.create({ model: "scripted", messages }));
await fails(OpenAI.RateLimitError, "slow", client.chat.completions.create({ model: "busy", messages }));
await fails(OpenAI.BadRequestError, "invalid_value", client.chat.completions.create({ model: "scripted", messages, refine: "hard" }));
await assert.rejects(async () => {
  for await (const _ of await client.chat.completions.create({ model: "breaks", messages, stream: true }));
}, /broke off/);
console.log("ok");
