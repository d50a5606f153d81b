package serve

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/integration/ada"
	"github.com/trm-go/refiner/internal/endpoint"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// Options say how to serve. Nil is the same as a zero Options.
type Options struct {
	// Keys let callers in, each into its scope. None: the server trusts its callers, who must then be on this machine, and
	// all of them have the plugin's scope.
	Keys []Key
	// Upstream answers chats. Nil: the memories do.
	Upstream *Upstream
	// Refine says when the answers of an upstream are refined, where a request does not say so. Zero: refine.Off. A stream
	// passes on as it comes, and what memory adds follows its text.
	Refine refine.Refinement
	// Forget leaves chats unwritten. They are recalled from all the same.
	Forget bool
	// Tasks are regular expressions, one a line, of requests that a client makes for itself, such as titles: they are neither
	// remembered nor given memories. The line "known" stands for those of many clients. Zero: none.
	Tasks string
	// Limit is the number of memories in a prompt, and Budget the tokens that they may take. Zero: 10, 800.
	Limit, Budget int
	// Rate is the number of requests a second that each caller may send, and Burst how many at once. Zero: no limit; a
	// burst of twice the rate.
	Rate  float64
	Burst int
	// MaxBody is the size of the largest request, in bytes. Zero: 32 MiB.
	MaxBody int64
	// Hosts are names of this server besides localhost, for requests without keys.
	Hosts []string
	// Wait is how long requests that are being answered may take to end when the server is stopped. Zero: 30 seconds.
	Wait time.Duration
	// Ada answers as Ada's brain does, under /v1 (docs/ada.md), and MCP serves the Model Context Protocol at /mcp
	// (docs/mcp.md): both behind the same keys, and neither with more than a key may do over REST.
	Ada, MCP bool
	// Webhooks are told of what is remembered, changed and deleted through this server (docs/serve.md).
	Webhooks []Webhook
	// Version is that of the program, as MCP clients are told it.
	Version string
	// Log gets every request (debug) and what fails. Nil disables it.
	Log *slog.Logger
	// Traces get a span for each request, recall, call of the upstream, refinement and round. Nil disables it.
	Traces trace.TracerProvider
}

// Server answers requests. It is an http.Handler, safe for concurrent use.
type Server struct {
	plugin   *integration.Plugin
	o        Options                // with its defaults
	locked   bool                   // it asks for keys
	access   atomic.Pointer[access] // the keys that there are now
	client   *http.Client
	tasks    *tasks
	log      *slog.Logger
	tracer   trace.Tracer
	metrics  *metrics
	inFlight atomic.Int64 // requests that are being answered
	writer   *integration.Writer
	webhooks *webhooks     // nil: there are none
	underway sync.RWMutex  // held for reading by each chat under way, which may still have a turn to be written
	recalls  chan struct{} // holds one for each recall at work
	stopping atomic.Bool
	handler  http.Handler
}

// New makes a server over a plugin, which must outlive it.
func New(p *integration.Plugin, o *Options) (*Server, error) {
	if o == nil {
		o = &Options{}
	}
	own := *p
	if len(o.Keys) > 0 {
		own.Scope = memory.Scope{} // a key's scope is its own, also where it is empty
	}
	s := &Server{plugin: &own, o: *o, locked: len(o.Keys) > 0, log: cmp.Or(o.Log, slog.New(slog.DiscardHandler)), recalls: make(chan struct{}, 2*runtime.GOMAXPROCS(0))}
	s.o.Refine = cmp.Or(o.Refine, refine.Off)
	s.o.Limit, s.o.Budget = cmp.Or(o.Limit, 10), cmp.Or(o.Budget, 800)
	s.o.Burst = cmp.Or(o.Burst, max(1, int(2*o.Rate)))
	s.o.MaxBody = cmp.Or(o.MaxBody, 32<<20) // a few photographs
	s.o.Wait = cmp.Or(o.Wait, 30*time.Second)
	s.o.Hosts = nil
	for _, host := range o.Hosts {
		if host = strings.ToLower(strings.TrimSpace(host)); host != "" {
			s.o.Hosts = append(s.o.Hosts, host)
		}
	}
	if err := s.SetKeys(o.Keys); err != nil {
		return nil, err
	}
	if !known(s.o.Refine) {
		return nil, fmt.Errorf(noRefinement, s.o.Refine)
	}
	var err error
	if s.tasks, err = newTasks(o.Tasks); err != nil {
		return nil, err
	}
	traces := o.Traces
	if traces == nil {
		traces = noop.NewTracerProvider()
	}
	s.tracer = traces.Tracer(scopeName)
	if o.Upstream != nil {
		if err := endpoint.Check(o.Upstream.BaseURL); err != nil {
			return nil, fmt.Errorf("the upstream: %w", err)
		}
		upstream := *o.Upstream
		upstream.Silence = cmp.Or(upstream.Silence, 5*time.Minute)
		s.o.Upstream, s.client = &upstream, upstream.client()
	}
	s.metrics = newMetrics(p.Store, func() float64 { return float64(s.inFlight.Load()) }, func() float64 { return float64(s.writer.Pending()) })
	if len(o.Webhooks) > 0 {
		if s.webhooks, err = newWebhooks(o.Webhooks, p.Store, s.metrics, s.log); err != nil {
			return nil, err
		}
		own.Store = observedStore{p.Store, s.webhooks}
	}
	s.writer = s.plugin.Writer(&integration.WriterOptions{Log: s.log,
		Written: func(n int) { s.metrics.count("refine_turns_written_total", n) }, Failed: func(n int) { s.metrics.count("refine_turns_failed_total", n) }})
	s.handler = s.routes(o)
	return s, nil
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// routes puts the handlers together.
func (s *Server) routes(o *Options) http.Handler {
	mux := http.NewServeMux()
	protected := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, s.protect(h)) }
	if s.o.Upstream != nil {
		for _, route := range []string{"POST /v1/embeddings", "POST /v1/completions", "POST /v1/messages/count_tokens", "GET /v1/models", "GET /v1/models/{model...}",
			"GET /api/tags", "GET /api/ps", "GET /api/version", "POST /api/show", "POST /api/embed", "POST /api/embeddings"} {
			protected(route, s.pass)
		}
	} else {
		protected("POST /v1/embeddings", s.embeddings)
		protected("GET /v1/models", s.models)
		protected("GET /v1/models/{model...}", s.model)
		protected("GET /api/tags", ollamaTags)
		protected("GET /api/version", ollamaVersion)
	}
	// Nothing else is passed on: files, fine-tuning and accounts are the upstream key's, not the callers'.
	protected("/v1/", func(w http.ResponseWriter, r *http.Request) {
		known := "/v1/responses, /v1/chat/completions, /v1/messages, /v1/embeddings and /v1/models"
		if s.o.Upstream != nil {
			known = strings.Replace(known, "/v1/embeddings", "/v1/completions, /v1/embeddings", 1)
		}
		s.fail(w, r, refuse(http.StatusNotFound, "unknown_url", "%s %s is not served: there are %s", r.Method, r.URL.Path, known))
	})
	if o.Ada {
		for _, path := range ada.Endpoints {
			protected(path, s.asAda)
		}
	}
	if o.MCP {
		protected("/mcp", s.asMCP(o.Version))
	}
	s.rest(mux, protected)
	protected("/api/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, refuse(http.StatusNotFound, "unknown_url", "%s %s is not served: see /api/v1/openapi.json", r.Method, r.URL.Path))
	})
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	protected("GET /metrics", s.serveMetrics)
	mux.Handle("/", page())
	return s.observe(mux, s.harden(mux))
}

// healthz says that the process answers.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// readyTime bounds the check of the store.
const readyTime = 2 * time.Second

// readyz says whether requests should be sent here.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, stop := context.WithTimeout(r.Context(), readyTime)
	defer stop()
	if s.stopping.Load() {
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "stopping"})
		return
	}
	if _, err := s.plugin.Store.Generation(ctx); err != nil {
		s.log.Error("the store is not ready", "error", err)
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "the store cannot be read"})
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// serveMetrics answers a scrape. It counts over all scopes: a key must be made for it.
func (s *Server) serveMetrics(w http.ResponseWriter, r *http.Request) {
	if c := callerOf(r.Context()); c.key != nil && !c.key.Metrics {
		s.fail(w, r, refuse(http.StatusForbidden, "not_for_metrics", "the key %q may not read the metrics: set \"metrics\": true for one that may", c.key.Name))
		return
	}
	s.metrics.ServeHTTP(w, r)
}

// Flush returns when no chat is under way, all turns are written, and what was shown is counted.
func (s *Server) Flush() {
	s.underway.Lock()
	//lint:ignore SA2001 it waits for the chats
	s.underway.Unlock()
	s.writer.Wait()
	s.plugin.Flush()
}

// of is the plugin as a caller may use it.
func (s *Server) of(c *caller) *integration.Plugin {
	if c.writes() != nil {
		return s.plugin.ReadOnly()
	}
	return s.plugin
}

// Close waits for the turns that are still to be written, for some seconds also for what webhooks are still to be told, and lets go of
// the upstream. The plugin stays open.
func (s *Server) Close() {
	s.Flush()
	if s.webhooks != nil {
		s.webhooks.close(s.o.Wait)
	}
	if s.client != nil {
		s.client.CloseIdleConnections()
	}
}

// Run answers on a listener until the context is done. Then it takes no more requests, gives those that are being answered
// the time of Options.Wait to end, writes what is still to be written, and returns nil; or an error if some had to be cut
// off. secure may be nil: plain HTTP.
func (s *Server) Run(ctx context.Context, listener net.Listener, secure *tls.Config) error {
	if err := CheckListen(listener.Addr().String(), len(s.access.Load().keys)); err != nil {
		return err
	}
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	server := &http.Server{
		Handler:           s,
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		TLSConfig:         secure,
	}
	ended := make(chan error, 1)
	go func() { // ends with the server
		if secure != nil {
			ended <- server.ServeTLS(listener, "", "")
		} else {
			ended <- server.Serve(listener)
		}
	}()
	select {
	case err := <-ended:
		s.Close()
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	s.log.Info("stopping", "wait", s.o.Wait)
	limit, stop := context.WithTimeout(base, s.o.Wait)
	defer stop()
	err := server.Shutdown(limit)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("serve: some requests took longer than %s to end and were cut off", s.o.Wait)
		cut()
		late, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer stop()
		if server.Shutdown(late) != nil {
			_ = server.Close()
		}
	}
	<-ended
	s.Close()
	return err
}
