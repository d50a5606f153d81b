// Package endpoint is what the clients of a language model's server share: the check of its address, and a transport that gives
// up on a server that is silent.
package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Check reports what keeps a base URL from being used. It does not repeat a password.
func Check(base string) error {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return errors.New("the base URL cannot be read: write it like http://localhost:11434/v1")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("the base URL %q is not one of http or https: write it like http://localhost:11434/v1", u.Redacted())
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("the base URL of %q holds more than an address: give the key as the key", u.Host)
	}
	return nil
}

// Transport hands answers on as they come. It gives up on a server that is silent for longer than Patience, before its answer or
// in the midst of it.
type Transport struct {
	http.RoundTripper
	Patience time.Duration
}

// ErrSilent is what a request and the reading of its answer fail with when the server has been silent for too long.
var ErrSilent = errors.New("the endpoint is silent")

func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	timer := time.AfterFunc(t.Patience, func() { cancel(fmt.Errorf("%w for %s", ErrSilent, t.Patience)) })
	response, err := t.RoundTripper.RoundTrip(r.WithContext(ctx))
	if err != nil {
		timer.Stop()
		err = cause(ctx, err)
		cancel(nil)
		return nil, err
	}
	response.Body = &body{ReadCloser: response.Body, ctx: ctx, end: func() { timer.Stop(); cancel(nil) }, more: func() { timer.Reset(t.Patience) }}
	return response, nil
}

// cause is the silence where it was the cause of an error.
func cause(ctx context.Context, err error) error {
	if silence := context.Cause(ctx); errors.Is(silence, ErrSilent) {
		return silence
	}
	return err
}

// body is that of an answer under way.
type body struct {
	io.ReadCloser
	ctx       context.Context // of this answer alone
	more, end func()
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.more()
	if err != nil && err != io.EOF {
		err = cause(b.ctx, err)
	}
	return n, err
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.end()
	return err
}
