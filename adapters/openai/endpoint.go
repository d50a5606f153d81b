package openai

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	api "github.com/sashabaranov/go-openai"

	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/internal/endpoint"
)

// Endpoint is a server that speaks the OpenAI API, and how patient to be with it. The zero value is OpenAI without a
// key.
type Endpoint struct {
	// BaseURL is the address up to and with the version, such as http://localhost:11434/v1. Zero: OpenAI's.
	BaseURL string
	// Key is sent as a bearer token. Zero: none.
	Key config.Secret
	// Timeout of one attempt, with its answer. Zero: a minute.
	Timeout time.Duration
	// Retries after a first attempt that failed for a moment. Zero: 5; negative: none.
	Retries int

	// minWait is the wait before the first retry; it doubles up to maxWait, and half of it is left to chance. A server
	// that asks for a longer wait than maxWait is not waited for. Zero: half a second, a minute.
	minWait, maxWait time.Duration
}

// The defaults of Endpoint.
const (
	usualURL     = "https://api.openai.com/v1"
	usualTimeout = time.Minute
	usualRetries = 5
	usualMinWait = 500 * time.Millisecond
	usualMaxWait = time.Minute
)

// maxAnswer bounds an answer, in bytes: 128 vectors of 3072 numbers take 8 MB.
const maxAnswer = 256 << 20

// Error is what an endpoint answered instead of a result.
type Error struct {
	Status  int    // of HTTP
	Message string // the endpoint's own, shortened and without the key
}

// Error renders the message with what to do about it.
func (e *Error) Error() string {
	text := fmt.Sprintf("the endpoint answered %d %s", e.Status, http.StatusText(e.Status))
	if e.Message != "" {
		text += ": " + e.Message
	}
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		text += ": check the key"
	case http.StatusNotFound:
		text += ": check the base URL (it often ends in /v1) and the model's name"
	case http.StatusTooManyRequests:
		text += ": wait, or check the quota"
	}
	return text
}

// connections are an endpoint's own.
func connections() *http.Transport { return http.DefaultTransport.(*http.Transport).Clone() }

// client makes the API's client of an endpoint. A timeout of zero leaves it to the transport to give up.
func (e Endpoint) client(timeout time.Duration, transport http.RoundTripper) (*api.Client, error) {
	e.BaseURL = cmp.Or(e.BaseURL, usualURL)
	if err := endpoint.Check(e.BaseURL); err != nil {
		return nil, err
	}
	retry := retryablehttp.NewClient()
	retry.HTTPClient = &http.Client{Transport: transport, Timeout: timeout}
	retry.Logger = nil // it would log addresses
	retry.RetryMax = max(0, cmp.Or(e.Retries, usualRetries))
	retry.RetryWaitMin = cmp.Or(e.minWait, usualMinWait)
	retry.RetryWaitMax = max(retry.RetryWaitMin, cmp.Or(e.maxWait, usualMaxWait))
	retry.ErrorHandler = retryablehttp.PassthroughErrorHandler // the last answer says what is wrong
	retry.CheckRetry = func(ctx context.Context, r *http.Response, err error) (bool, error) {
		return again(ctx, r, err, retry.RetryWaitMax)
	}
	retry.Backoff = backoff
	c := api.DefaultConfig(string(e.Key))
	c.BaseURL = strings.TrimRight(e.BaseURL, "/")
	c.HTTPClient = doer{retry}
	return api.NewClientWithConfig(c), nil
}

// doer lets the API's client send through a retrying one.
type doer struct{ retry *retryablehttp.Client }

func (d doer) Do(r *http.Request) (*http.Response, error) {
	request, err := retryablehttp.FromRequest(r)
	if err != nil {
		return nil, err
	}
	return d.retry.Do(request)
}

// whole reads answers to their end, so that one that breaks off is a failed attempt and not half a result.
type whole struct{ http.RoundTripper }

func (w whole) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := w.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("the answer breaks off: %w", err)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// bounded ends answers that have too many bytes.
type bounded struct {
	http.RoundTripper
	most int64
}

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		response.Body = &boundedBody{response.Body, b.most, b.most}
	}
	return response, err
}

type boundedBody struct {
	io.ReadCloser
	left, most int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, fmt.Errorf("%w: it has more than %d bytes", errTooLong, b.most)
	}
	return n, err
}

// errTooLong is an answer that nobody could use.
var errTooLong = errors.New("the answer is too long")

// again reports whether an attempt failed only for a moment.
func again(ctx context.Context, r *http.Response, err error, longest time.Duration) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if errors.Is(err, errTooLong) {
		return false, err
	}
	if err == nil {
		switch r.StatusCode {
		case http.StatusRequestTimeout:
			return true, nil
		case http.StatusTooManyRequests:
			text, _ := io.ReadAll(r.Body)
			r.Body.Close()
			r.Body = io.NopCloser(bytes.NewReader(text))
			if bytes.Contains(text, []byte("insufficient_quota")) {
				return false, nil // waiting pays no bill
			}
		}
		if retryAfter(r) > longest {
			return false, nil
		}
	}
	return retryablehttp.DefaultRetryPolicy(ctx, r, err)
}

// retryAfter is the wait that an answer asks for, in seconds or as a date; 0 if it asks for none.
func retryAfter(r *http.Response) time.Duration { return retryablehttp.DefaultBackoff(0, 0, 0, r) }

// backoff is the wait before the next attempt. Chance keeps clients that failed together from coming back together.
func backoff(low, high time.Duration, attempt int, r *http.Response) time.Duration {
	if wait := retryAfter(r); wait > 0 {
		return wait + rand.N(wait/10+1)
	}
	wait := retryablehttp.DefaultBackoff(low, high, attempt, nil)
	return wait/2 + rand.N(wait/2+1)
}

// failure brings the errors of the API's client into this package's form, and keeps the key out of them.
func (e Endpoint) failure(err error) error {
	var said *api.APIError
	var other *api.RequestError
	switch {
	case errors.As(err, &said):
		return &Error{Status: said.HTTPStatusCode, Message: e.clean(said.Message)}
	case errors.As(err, &other):
		return &Error{Status: other.HTTPStatusCode, Message: e.clean(string(other.Body))}
	}
	if text := err.Error(); e.Key != "" && strings.Contains(text, string(e.Key)) {
		return errors.New(e.clean(text))
	}
	return err
}

// clean shortens a message to one line without the key.
func (e Endpoint) clean(text string) string {
	if e.Key != "" {
		text = strings.ReplaceAll(text, string(e.Key), config.Hidden)
	}
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\uFFFD")), " ")
	const longest = 300
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest]) + "…"
	}
	return text
}
