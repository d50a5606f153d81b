package serve

import (
	"embed"
	"io/fs"
	"net/http"
	"time"

	"github.com/trm-go/refiner/adapters/mcp"
	"github.com/trm-go/refiner/integration/ada"
	"github.com/trm-go/refiner/internal/chatwire"
)

// What else speaks for a memory stands beside the OpenAI API, behind the same guard: each request gets the memory of its key's
// scope, one that only reads for a key that may only read.

// asAda answers as Ada's brain does, with the recall that is configured here.
func (s *Server) asAda(w http.ResponseWriter, r *http.Request) {
	c := callerOf(r.Context())
	if r.Method == http.MethodDelete {
		s.writer.Wait() // an answer that rests on it may be on its way
	}
	ada.Handler(s.of(c), c.scope, &ada.Options{Forget: s.o.Forget, MaxBody: s.o.MaxBody, Log: s.log}).ServeHTTP(steady{w}, r)
}

// asMCP serves the tools of MCP. A server is made for each request, about 1 ms: its scope is the caller's, and there may be
// as many as a key for any user has users.
func (s *Server) asMCP(version string) http.HandlerFunc {
	h := mcp.Guarded(func(r *http.Request) *mcp.Server {
		c := callerOf(r.Context())
		return mcp.New(s.of(c), c.scope, &mcp.Options{Version: version, ReadOnly: c.writes() != nil, Logger: s.log})
	})
	return func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(steady{w}, r) }
}

// steady lets each write take as long as a client may take none of what is sent to it.
type steady struct{ http.ResponseWriter }

func (w steady) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w steady) Write(p []byte) (int, error) {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(stuck)) // a test's recorder has none
	return w.ResponseWriter.Write(p)
}

// The page is three hand-written files. It loads nothing from elsewhere.
//
//go:embed page
var pageFiles embed.FS

// page serves the page. It holds no memories: what it shows it asks the API for, as any client does.
func page() http.Handler {
	files, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // the folder is embedded
	}
	static := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := fs.Stat(files, r.URL.Path[1:])
		if (err != nil && r.URL.Path != "/") || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
			writeFailure(w, chatwire.Completions{}, refuse(http.StatusNotFound, "unknown_url", "there is nothing at this address"))
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		static.ServeHTTP(w, r)
	})
}
