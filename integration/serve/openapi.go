package serve

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/chatwire"
)

// operation is one of the REST API: its handler, and what its description is made of.
type operation struct {
	Method, Path, ID, Summary string
	Status                    int // of success
	in, out                   reflect.Type
	stream                    reflect.Type // of each event of a stream; nil: it does not stream
	handle                    func(w http.ResponseWriter, r *http.Request) error
}

// does makes an operation of a function from its input to its output.
func does[In, Out any](method string, status int, path, id, summary string, f func(context.Context, *caller, *In) (*Out, error)) operation {
	return operation{Method: method, Path: path, ID: id, Summary: summary, Status: status, in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](),
		handle: func(w http.ResponseWriter, r *http.Request) error {
			var in In
			if err := decode(w, r, &in); err != nil {
				return err
			}
			out, err := f(r.Context(), callerOf(r.Context()), &in)
			if err != nil {
				return err
			}
			writeJSON(w, status, out)
			return nil
		}}
}

func (s *Server) askOperation() operation {
	return operation{Method: http.MethodPost, Path: "/api/v1/ask", ID: "ask", Summary: "Answer a question from the memories, refined to a fixed point, with its rounds",
		Status: http.StatusOK, in: reflect.TypeFor[askRequest](), out: reflect.TypeFor[integration.Answer](), stream: reflect.TypeFor[integration.Event](), handle: s.ask}
}

// chats are the operations of the APIs of language models.
func (s *Server) chats() []operation {
	var list []operation
	for _, wire := range chatwire.Wires {
		path := wire.Path()
		if !strings.HasPrefix(path, "/api/") {
			path = "/v1" + path
		}
		list = append(list, operation{Method: http.MethodPost, Path: path, handle: func(w http.ResponseWriter, r *http.Request) error {
			s.converse(wire, w, r)
			return nil
		}})
	}
	return list
}

// description is what the REST API and the chats take and answer, by OpenAPI 3.1. It is made of the types: after a change of
// them, `go test ./integration/serve -run TestDescription -update` writes it anew.
//
//go:embed openapi.json
var description []byte

// rest adds the operations, and their description.
func (s *Server) rest(mux *http.ServeMux, protected func(string, http.HandlerFunc)) {
	for _, o := range s.operations() {
		protected(o.Method+" "+o.Path, func(w http.ResponseWriter, r *http.Request) {
			if err := o.handle(w, r); err != nil {
				s.fail(w, r, err)
			}
		})
	}
	mux.HandleFunc("GET /api/v1/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(description)
	})
}

// bodyTime is how long a body may take to come.
const bodyTime = 2 * time.Minute

// patient runs a reading of the body within its time.
func patient(w http.ResponseWriter, read func() error) error {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTime)) // a test's recorder has none
	defer func() { _ = control.SetReadDeadline(time.Time{}) }()
	return read()
}

// asBody is the failure of a body that cannot be decoded.
func asBody(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return err
	}
	return badField("", "the body cannot be read: %v", err)
}

// decode fills a request in: from the path, from the body, or without a body from the query.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	if r.Method == http.MethodPost && r.ContentLength != 0 {
		d := json.NewDecoder(r.Body)
		d.DisallowUnknownFields()
		err := patient(w, func() error {
			if err := d.Decode(into); err != nil {
				return err
			}
			if _, err := d.Token(); err != io.EOF {
				return errors.Join(errors.New("there is more after the JSON object"), err)
			}
			return nil
		})
		if err != nil {
			return asBody(err)
		}
	}
	v, query := reflect.ValueOf(into).Elem(), r.URL.Query()
	for _, f := range inputs(v.Type()) {
		field, values := v.FieldByIndex(f.Index), query[f.name]
		delete(query, f.name)
		if f.path {
			field.SetString(r.PathValue(f.name))
		} else if len(values) > 0 && r.Method != http.MethodPost {
			if err := set(field, values); err != nil {
				return badField(f.name, "%s: %v", f.name, err)
			}
		}
	}
	for name := range query {
		if r.Method != http.MethodPost {
			return badField(name, "there is no parameter %q", name)
		}
	}
	return nil
}

// input is a field of a request.
type input struct {
	reflect.StructField
	name string
	path bool
}

// inputs are the fields of a request, those of embedded structs included.
func inputs(t reflect.Type) []input {
	var list []input
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); !f.Anonymous && name != "" {
			list = append(list, input{f, name, f.Tag.Get("in") == "path"})
		}
	}
	return list
}

// set parses the values of a query's parameter.
func set(v reflect.Value, values []string) error {
	if v.Kind() == reflect.Slice {
		list := reflect.MakeSlice(v.Type(), len(values), len(values))
		for i, text := range values {
			if err := set(list.Index(i), []string{text}); err != nil {
				return err
			}
		}
		v.Set(list)
		return nil
	}
	if len(values) > 1 {
		return errors.New("it is given twice")
	}
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		at, err := time.Parse(time.RFC3339, values[0])
		if err != nil {
			return fmt.Errorf("%q is no time: write it like 2025-03-09T18:30:00Z", values[0])
		}
		*x = at
		return nil
	case *bool:
		yes, err := strconv.ParseBool(values[0])
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", values[0])
		}
		*x = yes
		return nil
	case *int:
		n, err := strconv.Atoi(values[0])
		if err != nil {
			return fmt.Errorf("%q is no whole number", values[0])
		}
		*x = n
		return nil
	}
	v.SetString(values[0])
	return nil
}
