"""anthropic-sdk-python and ollama-python against the proxy, unchanged: others.py BASE_URL KEY"""
import sys

import anthropic
import ollama

base, key = sys.argv[1:3]
root = base.removesuffix("/v1")
question, said = "Where do I live?", "You live in Madrid since 2019."
ask = [{"role": "user", "content": question}]

# Anthropic.
client = anthropic.Anthropic(base_url=root, api_key=key, max_retries=0)
answer = client.messages.create(model="scripted", max_tokens=1000, system="Be brief.", messages=ask)
assert answer.content[-1].text == said and answer.stop_reason == "end_turn" and answer.usage.output_tokens == 5, answer
assert [b.type for b in answer.content] == ["thinking", "text"], answer
with client.messages.stream(model="scripted", max_tokens=1000, messages=ask) as stream:
    assert "".join(stream.text_stream) == said
    assert stream.get_final_message().usage.output_tokens == 5
with client.messages.stream(model="scripted", max_tokens=1000, messages=ask, extra_headers={"X-Refine": "always"}) as stream:
    text = "".join(stream.text_stream)
    assert text.startswith(said) and "Lisbon" in text and [b.type for b in stream.get_final_message().content] == ["text", "text"], text
tools = [{"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}]
weather = [{"role": "user", "content": "What is the weather in Lisbon?"}]
call = client.messages.create(model="scripted", max_tokens=1000, messages=weather, tools=tools)
assert call.stop_reason == "tool_use" and call.content[0].input == {"city": "Lisbon"}, call
with client.messages.stream(model="scripted", max_tokens=1000, messages=weather, tools=tools) as stream:
    assert stream.get_final_message().content[0].input == {"city": "Lisbon"}
weather += [{"role": "assistant", "content": call.content}, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.content[0].id, "content": "21 degrees"}]}]
assert client.messages.create(model="scripted", max_tokens=1000, messages=weather, tools=tools).content[0].text == "It has 21 degrees."
assert client.messages.count_tokens(model="scripted", messages=ask).input_tokens == 4
for make, kind in ((lambda: anthropic.Anthropic(base_url=root, api_key="rfn_wrong", max_retries=0).messages.create(model="scripted", max_tokens=1000, messages=ask), anthropic.AuthenticationError),
                   (lambda: client.messages.create(model="busy", max_tokens=1000, messages=ask), anthropic.RateLimitError)):
    try:
        make()
    except kind as e:
        assert len(str(e)) > 5
    else:
        raise AssertionError(f"no {kind}")
try:
    with client.messages.stream(model="breaks", max_tokens=1000, messages=ask) as stream:
        stream.get_final_message()
except anthropic.APIError as e:
    assert "broke off" in str(e), e
else:
    raise AssertionError("a stream that breaks off looks whole")

# Ollama.
client = ollama.Client(host=root, headers={"Authorization": "Bearer " + key})
assert [m.model for m in client.list().models] == ["scripted"]
answer = client.chat(model="scripted", messages=ask)
assert answer.message.content == said and answer.done and answer.eval_count == 5, answer
assert "".join(part.message.content or "" for part in client.chat(model="scripted", messages=ask, stream=True)) == said
fine = ollama.Client(host=root, headers={"Authorization": "Bearer " + key, "X-Refine": "always"})
text = "".join(part.message.content or "" for part in fine.chat(model="scripted", messages=ask, stream=True))
assert text.startswith(said) and "Lisbon" in text, text
assert client.generate(model="scripted", prompt=question).response == said
assert "".join(part.response or "" for part in client.generate(model="scripted", prompt=question, stream=True)) == said


def weather_in(city: str) -> str:
    """The weather in a city."""
    return "21 degrees"


weather = [{"role": "user", "content": "What is the weather in Lisbon?"}]
call = client.chat(model="scripted", messages=weather, tools=[weather_in]).message
assert call.tool_calls[0].function.arguments == {"city": "Lisbon"}, call
parts = [c for part in client.chat(model="scripted", messages=weather, tools=[weather_in], stream=True) for c in part.message.tool_calls or []]
assert parts[0].function.arguments == {"city": "Lisbon"}, parts
weather += [call, {"role": "tool", "content": "21 degrees", "tool_name": "weather_in"}]
assert client.chat(model="scripted", messages=weather, tools=[weather_in]).message.content == "It has 21 degrees."
assert client.embed(model="scripted", input="a").embeddings[0] == [1.0, 0.5]
for make, status in ((lambda: client.chat(model="busy", messages=ask), 429), (lambda: ollama.Client(host=root).chat(model="scripted", messages=ask), 401)):
    try:
        make()
    except ollama.ResponseError as e:
        assert e.status_code == status and len(e.error) > 5, (e.status_code, e.error)
    else:
        raise AssertionError(f"no {status}")
try:
    for part in client.chat(model="breaks", messages=ask, stream=True):
        pass
except ollama.ResponseError as e:
    assert "broke off" in e.error, e
else:
    raise AssertionError("a stream that breaks off looks whole")
print("ok")
