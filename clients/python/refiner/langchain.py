"""A retriever for LangChain over Refiner's REST API. It needs langchain-core: pip install "./clients/python[langchain]".

    from refiner import Refiner
    from refiner.langchain import RefinerRetriever
    retriever = RefinerRetriever(client=Refiner(key="rfn_..."), options={"limit": 5})
    retriever.invoke("Where does Ruth live?")

Whose memories they are is the client's affair: its key, or its user.
"""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from . import Refiner
from ._documents import metadata, plain

__all__ = ["RefinerRetriever"]


class RefinerRetriever(BaseRetriever):
    """Recalls memories as documents, best first. A document's metadata are the memory's own, and over them kind, role, speaker, session,
    origin, said (when), until (when it held, or when a later memory took its place) and score, which is 1 for the best. options are those
    of Refiner.search: limit, session, at, since, until, kinds, where."""

    client: Refiner
    options: dict[str, Any] = {}

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        found = self.client.search(plain(query), **self.options)["memories"]
        return [Document(id=m["id"], page_content=m["text"], metadata=metadata(m)) for m in found]
