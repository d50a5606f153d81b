// Package index is what the records of one tenant and user are found by, in memory: an inverted index of their words (BM25), their
// vectors in 8 bits, their sessions in the order of the conversation, and the summaries that stand for them.
//
// It is a cache of what the store's file holds, made of the entries that the store keeps beside each record ([Digest]) and brought
// up to date by [Index.Follow]. It knows nothing of files. An [Index] is asked by any number of goroutines at a time, and changed
// by one while nobody asks: whoever holds it locks it.
package index
