// Package ada speaks the HTTP and SSE shapes of the Ada assistant's brain, from both sides.
//
//	Client   talks to an Ada: Chat, Memories, Health ... and Records, which reads all that Ada remembers
//	Handler  answers as an Ada does, from a [Backend]: what talks to Ada's brain talks to Refiner without a change
//
// The shapes are those that Ada's code has, where its documents differ; what is read is read tolerantly, since both are in
// use. A stream of answers may carry JSON events or raw text, and may end with [DONE] or without. A memory's text may be
// called content. Importance runs from 1 to 5 in Ada's store, from 0 to 1 in its tools and to 10 in its consolidation: see
// [Importance].
//
// FromEnv reads the variables with which an Ada is tuned, so that a deployment keeps them.
//
// The package knows nothing of stores: integration makes a [Backend] of a plugin.
package ada
