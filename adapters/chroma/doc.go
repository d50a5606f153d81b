// Package chroma makes a collection of a Chroma server a [mirror.Remote], so that it can be consolidated where it is.
//
// It speaks the HTTP API version 2, and version 1 to servers that know no other. It writes by upsert and update alone,
// because adding an ID that is there is ignored in silence; it never makes a collection, so that none is ever made with a
// wrong dimension.
//
// Documents are read and written with the metadata that Ada keeps: type, scope, source and timestamp, and conversation_id,
// role, importance (1 to 5), entity and tags where there are any. What consolidation adds is scalar, and additive.
//
// A summary needs an embedding. [Options].Embed makes it with the model of the collection; without one it is the mean of
// the embeddings of what the summary quotes, which lies in the same space and needs no model.
package chroma
