// Package jsonl makes a file of JSON Lines a [mirror.Remote], so that it can be consolidated where it is.
//
// A line is an object with a text, and what else is known of it:
//
//	{"id": "7", "text": "We moved to Porto.", "role": "user", "time": "2024-05-31T18:30:00Z", "session": "may"}
//
// The members may have other names that are usual (content, timestamp, conversation_id and so on); those that mean nothing
// here are kept. Lines that do not change keep every byte, and an undo gives the file back as it was. What is derived is
// written at the end, with the member names that the file has. The file is replaced as a whole: whoever reads it has the old
// or the new one. A program that keeps it open to append must be stopped meanwhile.
package jsonl
