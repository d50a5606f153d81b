// Package mirror consolidates a store that somebody else owns: a collection of a vector database, a file of JSON Lines.
//
// Nothing is consolidated there. A [Mirror] is a memory.Store of its own that follows the other: [Mirror.Pull] takes in what
// is new there and forgets what is gone, plans are made and applied and undone in the mirror with all its safety, and
// [Mirror.Push] makes the other store agree:
//
//	Remote ──Pull──▶ mirror ──consolidate.New, Apply, Undo──▶ mirror ──Push──▶ Remote
//
// Both may be interrupted at any moment and are run again. Push writes summaries before it takes anything away, so that
// at no moment less is remembered than before or after.
//
// What a summary stands for is marked in the remote as superseded, and stays. With [Options].Remove it is taken out of the
// remote; before that it is written to a file beside the mirror, whole and with its embedding, from which an undo puts it
// back. What the owner deletes is deleted from the mirror for good, and summaries that rest on it go with it.
package mirror
