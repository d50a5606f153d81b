// Package transcript reads conversations that were written elsewhere as records of a memory.
//
// [Read] turns one file into a sequence of [memory.Record]. It knows five formats and finds the right one by content:
//
//   - [LoCoMo]: the evaluation set of that name, an array of conversations with session_1, session_2, ...
//   - [BEAM]: a chat.json of that evaluation set, an array of batches of turns
//   - [OpenAI]: chat transcripts, {"messages": [{"role": ..., "content": ...}]}, as one object, an array of them, a bare
//     array of messages, or one object a line as for fine-tuning; content is a string or a list of parts
//   - [ChatGPT]: conversations.json of ChatGPT's data export
//   - [Lines]: JSON Lines, one {"text": ..., "role": ..., "time": ..., "session": ...} a line
//
// Every record is a turn ([memory.KindTurn]) that was observed, in the order of its session (Position counts from 0). Its
// Key depends only on the content and, where a format names no conversations, on the file's name: reading a file twice
// gives the same keys, so that a store adds nothing the second time. A message without text is left out.
//
// Reading streams: the memory it takes is bounded by the largest conversation in the file (32 MiB at most), not by the
// file. What is wrong is reported as an [*Error] with file, line and record. The first one ends the sequence, unless
// [Options.Skip] is set.
//
// The package does not know the store; it never writes.
package transcript
