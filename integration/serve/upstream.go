package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"

	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/internal/chatwire"
)

// Upstream is the OpenAI-compatible server that answers.
type Upstream struct {
	// BaseURL is the address up to and with the version, such as http://localhost:11434/v1.
	BaseURL string
	// Key is sent as a bearer token. Empty: the client's own is sent on, if this server has no keys.
	Key config.Secret
	// Model answers requests that name no model, or "refine". Empty: such requests go out as they are.
	Model string
	// Silence is how long the upstream may say nothing, before its answer and within. Zero: 5 minutes. A large model that reads
	// a long prompt says nothing for minutes.
	Silence time.Duration
}

// modelAlias names the configured model, whatever it is.
const modelAlias = "refine"

// check reports what keeps an upstream from being used.
func (u *Upstream) check() error {
	at, err := url.Parse(u.BaseURL)
	switch {
	case err != nil:
		return errors.New("the upstream's base URL cannot be read: write it like http://localhost:11434/v1")
	case at.Scheme != "http" && at.Scheme != "https" || at.Host == "":
		return fmt.Errorf("the upstream's base URL %q is not one of http or https: write it like http://localhost:11434/v1", at.Redacted())
	case at.User != nil || at.RawQuery != "" || at.Fragment != "":
		return fmt.Errorf("the base URL of %q holds more than an address: give the key as the key", at.Host)
	}
	return nil
}

// streams is the number of connections to the upstream that are kept for the next request.
const streams = 512

// client makes what speaks to the upstream. It asks for no compression, so that bytes can be passed on as they are, and
// follows no redirection: the key would go with it.
func (u *Upstream) client() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 2*streams, streams
	transport.DisableCompression = true
	transport.ReadBufferSize, transport.WriteBufferSize = 4<<10, 4<<10
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// ours are headers that mean something between two ends of one connection, or to this server alone.
var ours = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Authenticate": true, "Proxy-Authorization": true, "Proxy-Connection": true,
	"Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
	"Authorization": true, "X-Api-Key": true, "Cookie": true, "Host": true, "Content-Length": true, "Accept-Encoding": true, "Origin": true, "Referer": true,
	"Forwarded": true, "Traceparent": true, "Tracestate": true, "Baggage": true,
	headerUser: true, headerAgent: true, headerSession: true, headerRefine: true, headerMemory: true,
}

// theirs are headers of an answer that this server decides about itself.
var theirs = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Authenticate": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
	"Set-Cookie": true, "Strict-Transport-Security": true, "Content-Security-Policy": true, "Date": true, "Alt-Svc": true, "Server": true,
}

var errSilent = errors.New("the upstream says nothing")

// forward sends a request to the upstream. The answer's body must be closed, which also ends the watch over its silence.
func (s *Server) forward(ctx context.Context, r *http.Request, path string, body []byte) (*http.Response, error) {
	ctx, span := s.tracer.Start(ctx, "upstream")
	ctx, cancel := context.WithCancelCause(ctx)
	silent := time.AfterFunc(s.o.Upstream.Silence, func() { cancel(errSilent) })
	end := func() {
		silent.Stop()
		cancel(nil)
		span.End()
	}
	address := strings.TrimRight(s.o.Upstream.BaseURL, "/")
	if strings.HasPrefix(path, "/api/") { // Ollama's own API stands beside its /v1
		address = strings.TrimSuffix(address, "/v1")
	}
	if address += path; r.URL.RawQuery != "" {
		address += "?" + r.URL.RawQuery
	}
	out, err := http.NewRequestWithContext(ctx, r.Method, address, bytes.NewReader(body))
	if err != nil {
		end()
		return nil, err
	}
	for name, values := range r.Header {
		if !ours[name] && !strings.HasPrefix(name, "Sec-") && !strings.HasPrefix(name, "X-Forwarded-") {
			out.Header[name] = values
		}
	}
	s.authorize(out, r, path)
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(out.Header))
	start := time.Now()
	response, err := s.client.Do(out)
	if err != nil {
		f := s.unreachable(ctx, err)
		span.SetStatus(codes.Error, f.Error())
		end()
		s.metrics.upstream.Add(1, "error")
		return nil, f
	}
	s.metrics.first.Observe(time.Since(start).Seconds())
	s.metrics.upstream.Add(1, strconv.Itoa(response.StatusCode))
	span.SetAttributes(attribute.Int("http.response.status_code", response.StatusCode), attribute.String("server.address", out.URL.Host))
	response.Body = &watched{ReadCloser: response.Body, ctx: ctx, silent: silent, limit: s.o.Upstream.Silence, end: end}
	return response, nil
}

// authorize puts the upstream's key into a request, or the client's own where neither the upstream has one nor this server.
func (s *Server) authorize(out, r *http.Request, path string) {
	anthropic := path == chatwire.Anthropic{}.Path() || strings.HasPrefix(path, chatwire.Anthropic{}.Path()+"/")
	switch {
	case s.o.Upstream.Key != "":
		out.Header.Set("Authorization", "Bearer "+string(s.o.Upstream.Key))
		if anthropic {
			out.Header.Set("X-Api-Key", string(s.o.Upstream.Key))
		}
	case !s.locked:
		for _, name := range []string{"Authorization", "X-Api-Key"} {
			if given := r.Header.Get(name); given != "" {
				out.Header.Set(name, given)
			}
		}
	}
}

// unreachable says why the upstream gave no answer.
func (s *Server) unreachable(ctx context.Context, err error) error {
	switch {
	case errors.Is(context.Cause(ctx), errSilent):
		return refuse(http.StatusGatewayTimeout, "upstream_timeout", "the upstream said nothing for %s", s.o.Upstream.Silence)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	s.log.Warn("the upstream cannot be reached", "error", err)
	return refuse(http.StatusBadGateway, "upstream_unreachable", "the upstream cannot be reached: check model.base_url, and that it runs")
}

// watched is the upstream's answer. Each read puts off the end of its patience.
type watched struct {
	io.ReadCloser
	ctx    context.Context // of this answer alone, which is gone when it is closed
	silent *time.Timer
	limit  time.Duration
	end    func()
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.ReadCloser.Read(b)
	if err == nil {
		w.silent.Reset(w.limit)
	} else if err != io.EOF {
		if cause := context.Cause(w.ctx); cause != nil {
			err = cause
		}
	}
	return n, err
}

func (w *watched) Close() error {
	err := w.ReadCloser.Close()
	w.end()
	return err
}

// passHeader copies the headers of the upstream's answer. same: its bytes are sent on as they are.
func passHeader(w http.ResponseWriter, response *http.Response, same bool) {
	for name, values := range response.Header {
		if !theirs[name] && !strings.HasPrefix(name, "Access-Control-") && (same || name != "Content-Length" && name != "Content-Encoding") {
			w.Header()[name] = values
		}
	}
}

// pass sends a request on and its answer back, both as they are.
func (s *Server) pass(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	if err != nil {
		asFailure(err).write(w)
		return
	}
	response, err := s.forward(r.Context(), r, strings.TrimPrefix(r.URL.EscapedPath(), "/v1"), body)
	if err != nil {
		asFailure(err).write(w)
		return
	}
	defer func() { _ = response.Body.Close() }()
	passHeader(w, response, true)
	w.WriteHeader(response.StatusCode)
	if err := relay(w, response.Body, nil); err != nil {
		panic(http.ErrAbortHandler) // the client must not take a part for the whole
	}
}
