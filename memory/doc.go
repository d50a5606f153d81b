// Package memory keeps what an assistant remembers, and finds it again.
//
// There are few types. A [Record] is one memory; a [Store] keeps records in one SQLite file, which is the only truth. A
// [Scope] says whose they are and is an argument of every call. A [Query] is answered by [Store.Search], which looks at
// each record for itself, or by [Store.Candidates], the light view on which package refine rescores.
//
//	records ──Add──▶ SQLite file ──refresh──▶ projection in memory ──Search, Candidates──▶ hits
//	                 (WAL, FTS5)              (BM25 postings, Index)
//
// An [Embedder] makes vectors; the default, [Hashed], needs no model. An [Index] finds the nearest of them; the default,
// [Flat], compares with all. Both are interfaces.
//
// Caveats:
//   - Nothing is overwritten. [Store.Supersede] replaces a record and keeps it; [Store.Undo] takes that back. Only
//     [Store.Delete] and [Store.Forget] delete, for privacy, and then for good.
//   - What a summary superseded is still what a question finds; the summary is what it gets to see ([Candidate].Summary).
//   - Several processes may use one store on one machine. Not over a network file system: SQLite's locks do not hold there.
//   - Times are kept in UTC, to the microsecond.
//
// The package knows nothing of language models, and nothing of why one memory matters more than another.
package memory
