// Package encoder runs small text models on this machine: sentence encoders that turn a text into a vector, and rerankers that
// read a question together with a passage.
//
//	e, err := encoder.Open("/path/of/minilm", nil)       // a memory.Embedder
//	vectors, err := e.Embed(ctx, []string{"We moved to Lisbon."})
//
//	r, err := encoder.OpenReranker("/path/of/reranker", nil)
//	scores, err := r.Score(ctx, "Where do they live?", passages)
//
// A model is a folder: weights, a tokenizer.json, and a [Card] in model.json that says how to use them. Weights in ONNX run in
// ONNX Runtime, which needs cgo and a shared library; weights in safetensors run everywhere, in Go, some ten times slower.
// The models are BERT-like with WordPiece tokens, such as MiniLM, BGE and E5.
//
// One text runs at a time: weights of 8 bits are scaled by what is in the batch, so the vector of a text in a batch would
// depend on its neighbours. Several texts run on several cores.
package encoder
