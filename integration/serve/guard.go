package serve

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/time/rate"

	"github.com/trm-go/refiner/adapters/mcp"
	"github.com/trm-go/refiner/memory"
)

// Headers by which a request says what it is about. None widens what its key allows.
const (
	headerUser    = "X-User-Id"    // whose memories, with a key for any user
	headerAgent   = "X-Agent-Id"   // narrows to an agent's
	headerSession = "X-Session-Id" // the conversation that a chat belongs to
	headerRefine  = "X-Refine"     // off, auto or always
	headerMemory  = "X-Memory"     // on, read (recall, write nothing) or off
	headerRequest = "X-Request-Id" // of the answer: what the log knows the request by
)

// caller is who sends a request, and what they may do.
type caller struct {
	name  string
	scope memory.Scope
	key   *Key // nil: there are no keys, and the caller is on this machine
}

// writes reports whether the caller may change memories.
func (c *caller) writes() error {
	if c.key != nil && c.key.ReadOnly {
		return refuse(http.StatusForbidden, "read_only_key", "the key %q may only read", c.key.Name)
	}
	return nil
}

type callerKey struct{}

// callerOf is who sent the request. Every route but the public ones has one.
func callerOf(ctx context.Context) *caller {
	c, _ := ctx.Value(callerKey{}).(*caller)
	return c
}

// authenticate finds the caller of a request. The scope is the key's, narrowed by what the request asks for.
func (s *Server) authenticate(r *http.Request) (*caller, error) {
	c := &caller{name: "local", scope: s.plugin.Scope}
	if s.locked {
		scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			secret = r.Header.Get("X-Api-Key") // so Anthropic's clients send it
		}
		if secret == "" {
			return nil, refuse(http.StatusUnauthorized, "missing_api_key", "there is no API key: send it as Authorization: Bearer KEY")
		}
		if c.key = s.access.Load().keys.find(strings.TrimSpace(secret)); c.key == nil {
			return nil, refuse(http.StatusUnauthorized, "invalid_api_key", "the API key is not one of this server's")
		}
		c.name, c.scope = c.key.Name, c.key.Scope
	}
	user := r.Header.Get(headerUser)
	switch {
	case c.key != nil && c.key.AnyUser && user == "":
		return nil, refuse(http.StatusBadRequest, "missing_user", "the key %q serves any user: name one in %s", c.key.Name, headerUser)
	case c.key != nil && c.key.AnyUser:
	case c.scope.User == "" && user != "": // nobody's memories are a scope of their own
		return nil, outside(headerUser)
	}
	if err := narrow(&c.scope.User, user, headerUser); err != nil {
		return nil, err
	}
	return c, narrow(&c.scope.Agent, r.Header.Get(headerAgent), headerAgent)
}

// narrow narrows a part of a scope to the one that a request asks for, in what has the name; empty: it asks for none.
func narrow(part *string, asked, name string) error {
	switch {
	case asked == "":
		return nil
	case *part != "" && *part != asked:
		return outside(name)
	case len(asked) > memory.MaxName:
		return refuse(http.StatusBadRequest, "invalid_value", "the %s has more than %d bytes", name, memory.MaxName)
	}
	*part = asked
	return nil
}

func outside(name string) error {
	return refuse(http.StatusForbidden, "outside_scope", "the %s of the request is not the one that the key is bound to", name)
}

// protect lets in who has a key and keeps to the rate, and bounds the body.
func (s *Server) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := s.authenticate(r)
		if err != nil {
			if asFailure(err).Status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Bearer realm="refine"`)
			}
			s.fail(w, r, err)
			return
		}
		if limit := s.access.Load().limits[c.name]; limit != nil {
			if wait := limit.Reserve(); wait.Delay() > 0 {
				w.Header().Set("Retry-After", strconv.Itoa(1+int(wait.Delay().Seconds())))
				wait.Cancel()
				s.fail(w, r, refuse(http.StatusTooManyRequests, "rate_limit_exceeded", "more than %v requests a second: wait a moment, or raise serve.rate", float64(limit.Limit())))
				return
			}
		}
		if r.Body != nil && r.ContentLength != 0 {
			// A form or text/plain is all that a foreign web page can send without asking first.
			if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
				s.fail(w, r, refuse(http.StatusUnsupportedMediaType, "not_json", "the body must be JSON: send Content-Type: application/json"))
				return
			}
			if r.ContentLength > s.o.MaxBody {
				s.fail(w, r, &http.MaxBytesError{Limit: s.o.MaxBody})
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, s.o.MaxBody)
		}
		s.note(r, c)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
	})
}

// pagePolicy lets the page load what it is made of, and talk to this server. Nothing may be framed, and no other origin
// has any part in it.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// harden sets the security headers, and refuses what a foreign web page sends through somebody's browser.
func (s *Server) harden(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("Cache-Control", "no-store")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		// Without keys a name that an attacker lets point here (DNS rebinding) would make the browser a caller.
		if !s.locked && !s.ours(r.Host) {
			s.fail(w, r, refuse(http.StatusForbidden, "unknown_host", "the server is not called %q: use localhost, or name it in serve.names", r.Host))
			return
		}
		if err := cross.Check(r); err != nil {
			s.fail(w, r, refuse(http.StatusForbidden, "cross_origin", "a page of another origin may not send this"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ours reports whether a Host header names this server.
func (s *Server) ours(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	return mcp.IsLoopback(name) || strings.HasSuffix(name, ".localhost") || slices.Contains(s.o.Hosts, name)
}

// ErrOpen is returned for a server that anybody on the network could use.
var ErrOpen = errors.New("refusing to serve memories to the network without keys")

// CheckListen reports whether a server may listen on an address: without keys on this machine only.
func CheckListen(address string, keys int) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("serve.listen is %q: use an address and a port, like 127.0.0.1:8377", address)
	}
	if keys > 0 || mcp.IsLoopback(host) {
		return nil
	}
	return fmt.Errorf("%w: %s is no loopback address", ErrOpen, address)
}

// access is who may ask, and how often.
type access struct {
	keys   ring
	limits map[string]*rate.Limiter // by the caller's name; none where there is no limit
}

// SetKeys replaces the keys while the server runs: a key that is gone is refused from then on. A server that began with keys
// must have some, and one that began without stays without, for whose memories a caller sees depends on it.
func (s *Server) SetKeys(keys []Key) error {
	callers := []string{"local"}
	for _, k := range keys {
		if err := k.check(); err != nil {
			return fmt.Errorf("%w: %q: %w", ErrKeys, k.Name, err)
		}
		callers = append(callers, k.Name)
	}
	if s.locked != (len(keys) > 0) {
		return fmt.Errorf("%w: a server with keys cannot go on without, nor one without begin to ask for them: start it anew", ErrKeys)
	}
	before, a := s.access.Load(), &access{keys, map[string]*rate.Limiter{}}
	for _, name := range callers {
		if before != nil && before.limits[name] != nil {
			a.limits[name] = before.limits[name]
		} else if s.o.Rate > 0 {
			a.limits[name] = rate.NewLimiter(rate.Limit(s.o.Rate), s.o.Burst)
		}
	}
	s.access.Store(a)
	return nil
}
