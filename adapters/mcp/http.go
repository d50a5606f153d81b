package mcp

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// maxBody bounds a request, in bytes: the longest memory, escaped, fits many times.
const maxBody = 1 << 20

// Handler serves over streamable HTTP. server gives each request the server of whoever sends it, or nil for nobody: the
// answer is then 401. So one handler serves many scopes, and no client chooses its own. Requests are independent of each
// other: there are no sessions that another client could take over.
//
// A browser's page may not call it: a request with an Origin other than the server's own is refused, and so is one that
// came in by loopback and names another Host, which is how DNS rebinding looks.
func Handler(server func(*http.Request) *Server) http.Handler { return handler(server, false) }

// Guarded is Handler for a server that checks hosts itself: behind a reverse proxy on the same machine the Host is a name of
// the outside.
func Guarded(server func(*http.Request) *Server) http.Handler { return handler(server, true) }

func handler(server func(*http.Request) *Server, anyHost bool) http.Handler {
	type key struct{}
	inner := sdk.NewStreamableHTTPHandler(
		func(r *http.Request) *sdk.Server { s, _ := r.Context().Value(key{}).(*sdk.Server); return s },
		&sdk.StreamableHTTPOptions{Stateless: true, JSONResponse: true, MaxRequestBodyBytes: maxBody, PropagateRequestCancellation: true, DisableLocalhostProtection: anyHost})
	return http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := server(r)
		if s == nil {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "send a key of this server: Authorization: Bearer KEY", http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, s)))
	}))
}

// IsLoopback reports whether an address, with or without a port, names this machine and no other can reach it.
func IsLoopback(address string) bool {
	host := address
	if h, _, err := net.SplitHostPort(address); err == nil {
		host = h
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback()
}

// HasBearer reports whether a request carries a token, in a time that tells nothing about it. An empty token is none.
func HasBearer(r *http.Request, token string) bool {
	scheme, got, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return false
	}
	x, y := sha256.Sum256([]byte(strings.TrimSpace(got))), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
