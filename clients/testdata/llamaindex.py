"""python llamaindex.py URL KEY: the retriever in a query engine of the real LlamaIndex, against a server, which has one key for the user ada."""
import asyncio
import sys

sys.path.insert(0, "python")
from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer
from refiner import Refiner, RefinerError
from refiner.llamaindex import RefinerRetriever

prompts = []


class Scripted(CustomLLM):
    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata()

    def complete(self, prompt: str, formatted: bool = False, **options) -> CompletionResponse:
        prompts.append(prompt)
        return CompletionResponse(text="It is 555-0199.")

    def stream_complete(self, prompt: str, formatted: bool = False, **options):
        yield self.complete(prompt)


client = Refiner(sys.argv[1], key=sys.argv[2])
old, new, rye = client.add({"text": "My phone number is 555-0101.", "created": "2024-01-01T00:00:00Z"},
                           {"text": "My phone number is 555-0199 now.", "created": "2025-01-01T00:00:00Z"},
                           {"text": "I bake rye bread.", "created": "2025-01-02T00:00:00Z", "meta": {"source": "diary"}}, role="user", speaker="Ada")["ids"]
retriever = RefinerRetriever(client)
question = 'What is my "phone" number - and “-why” *?'
engine = RetrieverQueryEngine(retriever, get_response_synthesizer(llm=Scripted()))
answer = engine.query(question)
assert str(answer) == "It is 555-0199." and [n.node_id for n in answer.source_nodes][:2] == [new, old], answer
assert "My phone number is 555-0199 now." in prompts[0] and "speaker: Ada" in prompts[0] and "until: 2025-01-01T00:00:00Z" in prompts[0] and "origin" not in prompts[0], prompts

first, second = retriever.retrieve(question)[:2]
assert first.score == 1 and second.score < 1 and first.metadata["speaker"] == "Ada" and first.metadata["said"] == "2025-01-01T00:00:00Z", first
assert "until" not in first.metadata and second.metadata["until"] == "2025-01-01T00:00:00Z", second
assert len(RefinerRetriever(client, limit=1).retrieve(question)) == 1
nodes = asyncio.run(RefinerRetriever(client, where={"source": "diary"}).aretrieve("Which bread do I bake?"))
assert [n.node_id for n in nodes] == [rye] and nodes[0].metadata["source"] == "diary", nodes
try:
    RefinerRetriever(Refiner(sys.argv[1], key="rfn_no")).retrieve(question)
except RefinerError as e:
    assert e.status == 401, e
else:
    raise AssertionError("nothing was refused")
print("ok")
