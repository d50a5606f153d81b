"""A retriever for LlamaIndex over Refiner's REST API. It needs llama-index-core: pip install "./clients/python[llamaindex]".

    from refiner import Refiner
    from refiner.llamaindex import RefinerRetriever
    retriever = RefinerRetriever(Refiner(key="rfn_..."), limit=5)
    retriever.retrieve("Where does Ruth live?")

Whose memories they are is the client's affair: its key, or its user.
"""

from __future__ import annotations

import asyncio
from typing import Any

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from . import Refiner
from ._documents import metadata, plain

__all__ = ["RefinerRetriever"]


class RefinerRetriever(BaseRetriever):
    """Recalls memories as nodes, best first. A node's score is 1 for the best; its metadata are the memory's own, and over them kind,
    role, speaker, session, origin, said (when) and until (when it held, or when a later memory took its place). Embedded and shown to a
    model are the text, the speaker and the times. options are those of Refiner.search: limit, session, at, since, until, kinds, where."""

    def __init__(self, client: Refiner, **options: Any):
        super().__init__()
        self._client, self._options = client, options

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [_node(m) for m in self._client.search(plain(query_bundle.query_str), **self._options)["memories"]]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


def _node(m: dict) -> NodeWithScore:
    fields = metadata(m)
    score = fields.pop("score")
    hidden = [name for name in fields if name not in ("speaker", "said", "until")]
    return NodeWithScore(score=score, node=TextNode(id_=m["id"], text=m["text"], metadata=fields, excluded_llm_metadata_keys=hidden, excluded_embed_metadata_keys=hidden))
