package serve

// api is a way to ask a language model over HTTP: what its requests and its answers look like. What is done with them is
// the same for all.
type api interface {
	// path is its endpoint, below the version.
	path() string
	// field holds the conversation in a request.
	field() string
	// read reads into a request what only this API has.
	read(q *asked)
	// insert puts notes from memory into a request that can be read, and leaves every other byte as it is.
	insert(q *asked, notes string)

	// whole reads an answer that came in one piece.
	whole(h *heard, body []byte)
	// event reads one event of an answer that comes as a stream.
	event(h *heard, data []byte)
	// withText puts another text, if it is changed, and the account of it into an answer; all else stays as it is.
	withText(body []byte, text string, about account) []byte
	// asStream is a text as the stream that the upstream would have made of it: with its id, model and usage.
	asStream(h *heard, text string, about account) []byte
	// broken is the event that ends a stream of which no more can come.
	broken(h *heard, f *failure) (name string, event any)

	// compose is a text as an answer of this server's own: in one piece, and as it is heard before asStream makes one.
	compose(q *asked, id, text string) ([]byte, *heard)
}
