package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/trm-go/refiner/internal/chatwire"
	"github.com/trm-go/refiner/memory"
)

// failure is an error as a client reads it.
type failure = chatwire.Failure

func refuse(status int, code, format string, args ...any) *failure {
	kind := "invalid_request_error"
	switch {
	case status == http.StatusUnauthorized:
		kind = "authentication_error"
	case status == http.StatusForbidden:
		kind = "permission_error"
	case status == http.StatusTooManyRequests:
		kind = "rate_limit_error"
	case status >= 500:
		kind = "server_error"
	}
	return &failure{Status: status, Code: code, Type: kind, Message: fmt.Sprintf(format, args...)}
}

// badField refuses a field of a request.
func badField(param, format string, args ...any) *failure {
	f := refuse(http.StatusBadRequest, "invalid_value", format, args...)
	if param != "" {
		f.Param = &param
	}
	return f
}

// statusClosed is nginx's status for a client that went away; nobody reads it but the log and the metrics.
const statusClosed = 499

// causes say how the errors of a store and of a request look to a client.
var causes = []struct {
	is     error
	status int
	code   string
}{
	{memory.ErrNotFound, http.StatusNotFound, "not_found"},
	{memory.ErrInvalid, http.StatusBadRequest, "invalid_value"},
	{memory.ErrDimension, http.StatusBadRequest, "invalid_vector"},
	{memory.ErrDerived, http.StatusConflict, "has_derived"},
	{memory.ErrReadOnly, http.StatusConflict, "read_only"},
	{memory.ErrLocked, http.StatusServiceUnavailable, "store_locked"},
	{memory.ErrFull, http.StatusInsufficientStorage, "disk_full"},
	{memory.ErrClosed, http.StatusServiceUnavailable, "shutting_down"},
	{context.Canceled, statusClosed, "cancelled"},
	{context.DeadlineExceeded, http.StatusGatewayTimeout, "timeout"},
}

// asFailure is the failure that an error means. What is no fault of the client is not told in detail: it is logged.
func asFailure(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return refuse(http.StatusRequestEntityTooLarge, "request_too_large", "the request has more than %d bytes: send less, or raise serve.max_body", large.Limit)
	}
	for _, c := range causes {
		if errors.Is(err, c.is) {
			return refuse(c.status, c.code, "%v", err)
		}
	}
	return refuse(http.StatusInternalServerError, "internal_error", "something failed on the server; its log says what, under this request's X-Request-Id")
}

// writeFailure answers with the failure that an error means, in the form of an API. Nothing must have been sent before.
func writeFailure(w http.ResponseWriter, wire chatwire.Wire, err error) {
	f := asFailure(err)
	_, body := wire.Failed(f, -1)
	writeJSON(w, f.Status, body)
}

// fail answers with an error, in the form of the API that the request is of.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	s.logFailure(r, err)
	writeFailure(w, wireAt(r.URL.Path), err)
}

// logFailure logs an error that is no fault of the client.
func (s *Server) logFailure(r *http.Request, err error) {
	if asFailure(err).Status >= 500 && r.Context().Err() == nil {
		s.log.ErrorContext(r.Context(), "a request failed", "request", requestID(r.Context()), "error", err)
	}
}

// wireAt is the API in whose form errors at a path are told.
func wireAt(path string) chatwire.Wire {
	switch {
	case strings.HasPrefix(path, "/v1/messages"):
		return chatwire.Anthropic{}
	case strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, "/api/v1/"):
		return chatwire.Ollama{}
	}
	return chatwire.Completions{}
}

// writeJSON sends a value. Its errors are those of a client that went away.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":{"message":"the answer cannot be written as JSON","type":"server_error","param":null,"code":"internal_error"}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}
