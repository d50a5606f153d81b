package serve

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/internal/chatwire"
	"github.com/trm-go/refiner/internal/endpoint"
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

// streams is the number of connections to the upstream that are kept for the next request.
const streams = 512

// client makes what speaks to the upstream. It asks for no compression, so that bytes can be passed on as they are, and
// follows no redirection: the key would go with it.
func (u *Upstream) client() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 2*streams, streams
	transport.DisableCompression = true
	transport.ReadBufferSize, transport.WriteBufferSize = 4<<10, 4<<10
	return &http.Client{Transport: endpoint.Transport{RoundTripper: transport, Patience: u.Silence}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
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

// forward sends a request to the upstream. The answer's body must be closed.
func (s *Server) forward(ctx context.Context, r *http.Request, path string, body []byte) (*http.Response, error) {
	ctx, span := s.tracer.Start(ctx, "upstream")
	address := strings.TrimRight(s.o.Upstream.BaseURL, "/")
	if strings.HasPrefix(path, "/api/") { // Ollama's own API stands beside its /v1
		address = strings.TrimSuffix(address, "/v1")
	}
	if address += path; r.URL.RawQuery != "" {
		address += "?" + r.URL.RawQuery
	}
	out, err := http.NewRequestWithContext(ctx, r.Method, address, bytes.NewReader(body))
	if err != nil {
		span.End()
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
		span.End()
		s.metrics.count("refine_upstream_requests_total", 1, "code", "error")
		return nil, f
	}
	s.metrics.first.Update(time.Since(start).Seconds())
	s.metrics.count("refine_upstream_requests_total", 1, "code", strconv.Itoa(response.StatusCode))
	span.SetAttributes(attribute.Int("http.response.status_code", response.StatusCode), attribute.String("server.address", out.URL.Host))
	response.Body = spanned{response.Body, span}
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
	case errors.Is(err, endpoint.ErrSilent):
		return refuse(http.StatusGatewayTimeout, "upstream_timeout", "the upstream said nothing for %s", s.o.Upstream.Silence)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	s.log.Warn("the upstream cannot be reached", "error", err)
	return refuse(http.StatusBadGateway, "upstream_unreachable", "the upstream cannot be reached: check model.base_url, and that it runs")
}

// spanned is an answer whose span ends with it.
type spanned struct {
	io.ReadCloser
	span trace.Span
}

func (s spanned) Close() error {
	defer s.span.End()
	return s.ReadCloser.Close()
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
		writeFailure(w, wireAt(r.URL.Path), err)
		return
	}
	response, err := s.forward(r.Context(), r, strings.TrimPrefix(r.URL.EscapedPath(), "/v1"), body)
	if err != nil {
		writeFailure(w, wireAt(r.URL.Path), err)
		return
	}
	defer func() { _ = response.Body.Close() }()
	passHeader(w, response, true)
	w.WriteHeader(response.StatusCode)
	if err := relay(w, response.Body, nil); err != nil {
		panic(http.ErrAbortHandler) // the client must not take a part for the whole
	}
}
