"""openai-python against the proxy, unchanged: client.py BASE_URL KEY"""
import json
import sys

import openai
from openapi_spec_validator import validate

base, key = sys.argv[1:3]
client = openai.OpenAI(base_url=base, api_key=key, max_retries=0)
ask = [{"role": "user", "content": "Where do I live?"}]
tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]

assert [m.id for m in client.models.list()] == ["scripted"]
assert client.models.retrieve("scripted").id == "scripted"

answer = client.chat.completions.create(model="scripted", messages=ask)
assert answer.choices[0].message.content == "You live in Madrid since 2019.", answer
assert answer.usage.total_tokens == 9, answer.usage

text, finish, usage = "", None, None
for chunk in client.chat.completions.create(model="scripted", messages=ask, stream=True, stream_options={"include_usage": True}):
    usage = chunk.usage or usage
    for choice in chunk.choices:
        text += choice.delta.content or ""
        finish = choice.finish_reason or finish
assert (text, finish, usage.total_tokens) == ("You live in Madrid since 2019.", "stop", 9), (text, finish, usage)

# Tools: the call, and the answer after its result.
weather = [{"role": "user", "content": [{"type": "text", "text": "What is the weather in Lisbon?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]
call = client.chat.completions.create(model="scripted", messages=weather, tools=tools).choices[0]
assert call.finish_reason == "tool_calls" and json.loads(call.message.tool_calls[0].function.arguments) == {"city": "Lisbon"}, call
arguments, name = "", ""
for chunk in client.chat.completions.create(model="scripted", messages=weather, tools=tools, stream=True):
    for part in (chunk.choices[0].delta.tool_calls or []) if chunk.choices else []:
        name += part.function.name or ""
        arguments += part.function.arguments or ""
assert (name, json.loads(arguments)) == ("weather", {"city": "Lisbon"}), (name, arguments)
weather += [call.message, {"role": "tool", "tool_call_id": call.message.tool_calls[0].id, "content": "21 degrees"}]
assert client.chat.completions.create(model="scripted", messages=weather, tools=tools).choices[0].message.content == "It has 21 degrees."

vectors = client.embeddings.create(model="scripted", input=["a", "b"]).data
assert [v.embedding for v in vectors] == [[1.0, 0.5], [1.0, 0.5]], vectors

# Refinement, asked for by the request.
fine = client.chat.completions.create(model="scripted", messages=ask, extra_body={"refine": "always"})
assert fine.choices[0].message.content.startswith("You live in Madrid since 2019.\n\n") and "Lisbon" in fine.choices[0].message.content, fine
assert fine.refine["changed"] is True, fine
text, usage = "", None
for chunk in client.chat.completions.create(model="scripted", messages=ask, stream=True, stream_options={"include_usage": True}, extra_headers={"X-Refine": "always"}):
    usage = chunk.usage or usage
    text += "".join(choice.delta.content or "" for choice in chunk.choices)
assert text.startswith("You live in Madrid since 2019.\n\n") and "Lisbon" in text and usage.total_tokens == 9, (text, usage)

# The Responses API.
question = "Where do I live?"
whole = client.responses.create(model="scripted", input=question, instructions="Be brief.")
assert (whole.output_text, whole.status, whole.usage.total_tokens) == ("You live in Madrid since 2019.", "completed", 9), whole
fine = client.responses.create(model="scripted", input=ask, extra_body={"refine": "always"})
assert fine.output_text.startswith("You live in Madrid since 2019.\n\n") and "Lisbon" in fine.output_text and fine.refine["changed"] is True, fine
for headers, lives in ({}, "Madrid"), ({"X-Refine": "always"}, "Lisbon"):
    text, last = "", None
    for event in client.responses.create(model="scripted", input=question, stream=True, extra_headers=headers):
        text += event.delta if event.type == "response.output_text.delta" else ""
        last = event
    assert lives in text and last.type == "response.completed" and last.response.output_text == text, (text, last)
    with client.responses.stream(model="scripted", input=question, extra_headers=headers) as stream:
        assert stream.get_final_response().output_text == text


def fails(kind, code, make):
    try:
        make()
    except kind as e:
        assert e.code == code and e.body["message"], (e.code, e.body)
    else:
        raise AssertionError(f"no {kind}")


wrong = openai.OpenAI(base_url=base, api_key="rfn_wrong", max_retries=0)
fails(openai.AuthenticationError, "invalid_api_key", lambda: wrong.chat.completions.create(model="scripted", messages=ask))
fails(openai.RateLimitError, "slow", lambda: client.chat.completions.create(model="busy", messages=ask))
fails(openai.BadRequestError, "invalid_value", lambda: client.chat.completions.create(model="scripted", messages=ask, extra_body={"refine": "hard"}))
fails(openai.NotFoundError, "unknown_url", lambda: client.files.list())
fails(openai.RateLimitError, "slow", lambda: client.responses.create(model="busy", input=question))
try:
    for _ in client.responses.create(model="breaks", input=question, stream=True):
        pass
except openai.APIError as e:
    assert "broke off" in str(e), e
else:
    raise AssertionError("a stream of responses that breaks off looks whole")
try:
    for _ in client.chat.completions.create(model="breaks", messages=ask, stream=True):
        pass
except openai.APIError as e:
    assert "broke off" in str(e), e
else:
    raise AssertionError("a stream that breaks off looks whole")

# The description of the REST API is one by the rules of OpenAPI 3.1.
validate(client.get("/../api/v1/openapi.json", cast_to=object))
print("ok")
