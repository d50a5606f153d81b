// Package memory keeps what an assistant remembers, and finds it again.
//
// There are few types. A [Record] is one memory; a [Store] keeps records in one SQLite file, which is the only truth. A
// [Scope] says whose they are and is an argument of every call. A [Query] is answered by [Store.Candidates], with what
// package refine rescores.
//
//	records ──Add──▶ SQLite file (WAL) ──▶ index in memory, by tenant and user ──Candidates──▶ rows ──Fetch──▶ records
//
// An [Embedder] makes vectors; the default, [None], makes none, and words alone are searched. An [Index] may keep the vectors
// elsewhere.
//
// Caveats:
//   - Nothing is overwritten. [Store.Supersede] replaces a record and keeps it; [Store.Undo] takes that back. Only
//     [Store.Delete] and [Store.Forget] delete, for privacy, and then for good.
//   - A summary is not found by itself: it is what is shown for the records that it was made of ([Candidate].Summary).
//   - Several processes may use one store on one machine. Not over a network file system: SQLite's locks do not hold there.
//   - Times are kept in UTC, to the microsecond.
//
// The package knows nothing of language models, and nothing of why one memory matters more than another.
package memory
