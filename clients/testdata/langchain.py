"""python langchain.py URL KEY: the retriever in a chain of the real LangChain, against a server, which has one key for the user ada."""
import asyncio
import sys

sys.path.insert(0, "python")
from langchain_core.language_models import FakeListChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from refiner import Refiner, RefinerError
from refiner.langchain import RefinerRetriever

client = Refiner(sys.argv[1], key=sys.argv[2])
old, new, rye = client.add({"text": "My phone number is 555-0101.", "created": "2024-01-01T00:00:00Z"},
                           {"text": "My phone number is 555-0199 now.", "created": "2025-01-01T00:00:00Z"},
                           {"text": "I bake rye bread.", "created": "2025-01-02T00:00:00Z", "meta": {"source": "diary"}}, role="user", speaker="Ada")["ids"]
retriever = RefinerRetriever(client=client)
prompts = []
chain = ({"context": retriever | (lambda documents: "\n".join(d.page_content for d in documents)), "question": RunnablePassthrough()}
         | ChatPromptTemplate.from_template("{context}\n\n{question}")
         | RunnableLambda(lambda p: prompts.append(p.to_string()) or p)
         | FakeListChatModel(responses=["It is 555-0199."]) | StrOutputParser())
question = 'What is my "phone" number - and “-why” *?'
assert chain.invoke(question) == "It is 555-0199."
assert "My phone number is 555-0199 now.\nMy phone number is 555-0101." in prompts[0], prompts

first, second = retriever.invoke(question)[:2]
assert (first.id, second.id) == (new, old), (first, second)
assert first.metadata["score"] == 1 and first.metadata["speaker"] == "Ada" and first.metadata["said"] == "2025-01-01T00:00:00Z", first
assert "until" not in first.metadata and second.metadata["until"] == "2025-01-01T00:00:00Z", second
assert len(RefinerRetriever(client=client, options={"limit": 1}).invoke(question)) == 1
documents = asyncio.run(RefinerRetriever(client=client, options={"where": {"source": "diary"}}).ainvoke("Which bread do I bake?"))
assert [d.id for d in documents] == [rye] and documents[0].metadata["source"] == "diary", documents
try:
    RefinerRetriever(client=Refiner(sys.argv[1], key="rfn_no")).invoke(question)
except RefinerError as e:
    assert e.status == 401, e
else:
    raise AssertionError("nothing was refused")
print("ok")
