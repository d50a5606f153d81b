// Package consolidate refines a store of memories over time, the way a person remembers last year less minutely than
// last week, and without the usual harm: nothing is invented, nothing important is lost, and everything can be undone.
//
// [New] makes a [Plan], which reads only; [Apply] makes it so, after a snapshot and in steps that survive a killed
// process; [Undo] takes it back; [Runs] is the log. [Auto] does all of it for a timer. A store that
// somebody else owns is consolidated through package mirror.
//
// The plan is the answer of a recursion on trmcore's Loop. The question x is the turns of one scope, the answer y the
// summaries that are to stand for them, the latent z how they are grouped and what has been lost. Each step groups (the
// turns of a day that belong together, then days of a week and weeks of a month that speak of the same), writes, checks
// every summary against its turns, and puts back what is lost, until nothing is lost and nothing is left to join. One
// pass of the same, without the check, keeps 82 % of those facts on LoCoMo where the recursion keeps 99 %:
// docs/consolidate.md.
//
// Summaries are extractive: they consist of exact quotes, the days and the names of who spoke, which [Apply] checks
// again before anything is applied. What an answer or a "he" needs to be understood is quoted with it. They are marked as
// reconstructed, name their turns, have the confidence of the least of them, and are flagged where they rest on one turn only.
// What a record of at least [Policy].Keep importance says in names, numbers, dates and negations survives; of others, as much as
// the share has room for.
//
// Facts are consolidated by themselves, by their words and values: repeats are merged, what a later fact
// updates is true until then, and two facts that contradict each other while nothing says which is right are reported
// and left as they are. A language model may be asked about those that their words leave apart.
package consolidate
