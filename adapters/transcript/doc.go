// Package transcript reads conversations that were written elsewhere as records of a memory: exports of assistants
// (ChatGPT, Claude, Gemini, Open WebUI, ...), of messengers (Slack, Discord, Telegram, WhatsApp), of other memories (mem0,
// Zep), transcripts of APIs, notes in Markdown, and the evaluation sets LoCoMo and BEAM. [Formats] lists them.
//
// [Read] turns one file into a sequence of [memory.Record] and finds the format by content. [Open] looks into a ZIP, a
// folder or a file packed with gzip.
//
// Every record was observed, and they come in the order of their session (Position counts from 0). Its Key depends only on
// the content and, where a format names no conversations, on the file's name: reading a file twice gives the same keys, so
// that a store adds nothing the second time. A message without text is left out, and so is what nobody said: the output of
// tools and a model's hidden reasoning.
//
// Reading streams: the memory it takes is bounded by the largest conversation in the file (32 MiB at most; a messenger's
// chat may be of any length), not by the file. What is wrong is reported as an [*Error] with file, line and record. The
// first one ends the sequence, unless [Options.Skip] is set.
//
// The package does not know the store; it never writes.
package transcript
