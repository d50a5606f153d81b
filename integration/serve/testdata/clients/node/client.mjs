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
assert.ok(fine.choices[0].message.content.startsWith(said) && fine.choices[0].message.content.includes("Lisbon"), fine.choices[0].message.content);
text = "";
for await (const chunk of await client.chat.completions.create({ model: "scripted", messages, stream: true, refine: "always" })) text += chunk.choices[0]?.delta.content ?? "";
assert.ok(text.startsWith(said) && text.includes("Lisbon"), text);

// The Responses API, which needs no messages.
const input = "Where do I live?";
const responded = await client.responses.create({ model: "scripted", input, instructions: "Be brief." });
assert.deepEqual([responded.output_text, responded.status, responded.usage.total_tokens, responded.refine], [said, "completed", 9, undefined]);
const listen = async (body, headers) => {
  const kinds = [];
  let heard = "", last;
  for await (const event of await client.responses.create({ model: "scripted", stream: true, ...body }, { headers })) {
    kinds.push(event.type);
    if (event.type === "response.output_text.delta") heard += event.delta;
    last = event;
  }
  return { kinds, heard, last };
};
const plain = await listen({ input: messages });
assert.deepEqual([plain.heard, plain.last.type, plain.last.response.output[0].content[0].text], [said, "response.completed", said]);
const refinedWhole = await client.responses.create({ model: "scripted", input, refine: "always" });
assert.ok(refinedWhole.output_text.startsWith(said) && refinedWhole.output_text.includes("Lisbon") && refinedWhole.refine.changed, refinedWhole.output_text);
const fresh = await listen({ input }, { "X-Refine": "always" });
assert.ok(fresh.heard.startsWith(said) && fresh.heard.includes("Lisbon"), fresh.heard);
assert.deepEqual(new Set(fresh.kinds), new Set(plain.kinds));
assert.equal(fresh.last.response.output.map((m) => m.content[0].text).join(""), fresh.heard); // what memory adds is a message of its own
// The SDK's own reader puts the same together.
const stream = client.responses.stream({ model: "scripted", input }, { headers: { "X-Refine": "always" } });
assert.equal((await stream.finalResponse()).output_text, fresh.heard);

const functions = [{ type: "function", name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } }, strict: false }];
const asked = [{ role: "user", content: "What is the weather in Lisbon?" }];
const called = (await client.responses.create({ model: "scripted", input: asked, tools: functions })).output[0];
assert.deepEqual([called.type, JSON.parse(called.arguments)], ["function_call", { city: "Lisbon" }]);
const calls = await listen({ input: asked, tools: functions });
assert.equal(calls.last.response.output[0].type, "function_call");
asked.push(called, { type: "function_call_output", call_id: called.call_id, output: "21 degrees" });
assert.equal((await client.responses.create({ model: "scripted", input: asked, tools: functions })).output_text, "It has 21 degrees.");

const fails = (kind, code, promise) => assert.rejects(promise, (e) => e instanceof kind && e.code === code && e.message.length > 5);
await fails(OpenAI.AuthenticationError, "invalid_api_key", new OpenAI({ baseURL, apiKey: "rfn_wrong", maxRetries: 0 }).chat.completions.create({ model: "scripted", messages }));
await fails(OpenAI.RateLimitError, "slow", client.chat.completions.create({ model: "busy", messages }));
await fails(OpenAI.BadRequestError, "invalid_value", client.chat.completions.create({ model: "scripted", messages, refine: "hard" }));
await assert.rejects(async () => {
  for await (const _ of await client.chat.completions.create({ model: "breaks", messages, stream: true }));
}, /broke off/);
await fails(OpenAI.RateLimitError, "slow", client.responses.create({ model: "busy", input }));
await fails(OpenAI.BadRequestError, "invalid_value", client.responses.create({ model: "scripted", input, refine: "hard" }));
await assert.rejects(listen({ model: "breaks", input }), /broke off/);
console.log("ok");
