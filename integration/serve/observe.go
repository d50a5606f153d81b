package serve

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// scopeName is how the server's spans name where they are from.
const scopeName = "github.com/trm-go/refiner/integration/serve"

type requestKey struct{}

// request is what the log, the metrics and the trace tell of a request.
type request struct {
	id     string
	caller string
}

// requestID is the number of a request, by which the log knows it.
func requestID(ctx context.Context) string {
	if q, ok := ctx.Value(requestKey{}).(*request); ok {
		return q.id
	}
	return ""
}

// note takes note of who sent the request.
func (s *Server) note(r *http.Request, c *caller) {
	if q, ok := r.Context().Value(requestKey{}).(*request); ok {
		q.caller = c.name
	}
}

// answer watches what is sent.
type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(p)
}

// errPanicked is of no kind that a client is told.
var errPanicked = errors.New("the handler panicked")

// observe counts, traces and logs every request, and keeps a panic to the request that it happened in.
func (s *Server) observe(mux *http.ServeMux, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // of the request before on this connection
		_, pattern := mux.Handler(r)
		route := "unknown"
		if pattern != "" {
			if _, path, found := strings.Cut(pattern, " "); found {
				route = path
			} else {
				route = pattern
			}
		}
		q := &request{id: rand.Text()}
		ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := s.tracer.Start(ctx, r.Method+" "+route, trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(attribute.String("http.request.method", r.Method), attribute.String("http.route", route)))
		r = r.WithContext(context.WithValue(ctx, requestKey{}, q))
		w.Header().Set(headerRequest, q.id)
		a := &answer{ResponseWriter: w}
		s.inFlight.Add(1)
		defer func() {
			failed := recover()
			if failed != nil && failed != http.ErrAbortHandler {
				s.log.ErrorContext(ctx, "a request made the server panic", "request", q.id, "route", route, "panic", failed)
				if a.status == 0 {
					writeFailure(a, wireAt(r.URL.Path), errPanicked)
					failed = nil
				}
			}
			took := time.Since(start)
			s.inFlight.Add(-1)
			s.metrics.count("refine_http_requests_total", 1, "code", strconv.Itoa(a.status), "route", route)
			s.metrics.GetOrCreatePrometheusHistogramExt(labelled("refine_http_request_seconds", []string{"route", route}), fast).Update(took.Seconds())
			span.SetAttributes(attribute.Int("http.response.status_code", a.status))
			level := slog.LevelDebug
			if a.status >= 500 || failed != nil {
				span.SetStatus(codes.Error, http.StatusText(a.status))
				level = slog.LevelWarn
			}
			span.End()
			// Neither texts nor queries are logged.
			s.log.Log(ctx, level, "request", "request", q.id, "method", r.Method, "route", route, "status", a.status, "caller", q.caller, "ms", took.Milliseconds())
			if failed != nil {
				panic(http.ErrAbortHandler)
			}
		}()
		next.ServeHTTP(a, r)
	})
}
