package ui

import (
	"context"
	"io"
	"sync"
)

// Interruptible reads from r until ctx is done, and then fails with its error even while a read waits, as one for a
// person's typing does. Nothing is read from r before the first Read. The goroutine that reads ends with r's end or the
// process: it is meant for stdin.
func Interruptible(ctx context.Context, r io.Reader) io.Reader {
	return &interruptible{ctx: ctx, from: r}
}

type interruptible struct {
	ctx   context.Context
	from  io.Reader
	start sync.Once
	pipe  *io.PipeReader
}

func (i *interruptible) Read(b []byte) (int, error) {
	i.start.Do(func() {
		out, in := io.Pipe()
		i.pipe = out
		context.AfterFunc(i.ctx, func() { in.CloseWithError(i.ctx.Err()) })
		go func() {
			_, err := io.Copy(in, i.from)
			in.CloseWithError(err)
		}()
	})
	return i.pipe.Read(b)
}
