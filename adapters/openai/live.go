package openai

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// live hands answers on as they come. It gives up on a server that is silent for too long, before its answer or in the
// midst of it, and on an answer that does not end.
type live struct {
	http.RoundTripper
	patience time.Duration
	most     int64 // bytes
}

var errSilent = errors.New("the endpoint is silent")

// RoundTrip implements http.RoundTripper.
func (l live) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	timer := time.AfterFunc(l.patience, func() { cancel(fmt.Errorf("%w for %s", errSilent, l.patience)) })
	response, err := l.RoundTripper.RoundTrip(r.WithContext(ctx))
	if err != nil {
		timer.Stop()
		err = because(ctx, err)
		cancel(nil)
		return nil, err
	}
	response.Body = &liveBody{ReadCloser: response.Body, live: l, left: l.most, timer: timer,
		because: func(err error) error { return because(ctx, err) }, end: func() { cancel(nil) }}
	return response, nil
}

// because names the silence where it was the cause of an error.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errSilent) {
		return cause
	}
	return err
}

// liveBody is the body of an answer under way.
type liveBody struct {
	io.ReadCloser
	live
	left    int64
	timer   *time.Timer
	because func(error) error
	end     func()
}

// Read implements io.Reader.
func (b *liveBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.timer.Reset(b.patience)
	if b.left -= int64(n); b.left < 0 {
		return n, fmt.Errorf("%w: it has more than %d bytes", errTooLong, b.most)
	}
	if err != nil && err != io.EOF {
		err = b.because(err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *liveBody) Close() error {
	b.timer.Stop()
	err := b.ReadCloser.Close()
	b.end()
	return err
}
