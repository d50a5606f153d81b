// Package chroma makes a collection of a Chroma server a [mirror.Remote], so that it can be consolidated where it is.
//
// It speaks the HTTP API version 2, and version 1 to servers that know no other. It writes by upsert and update alone,
// because adding an ID that is there is ignored in silence; it never makes a collection, so that none is ever made with a
// wrong dimension.
//
// Documents are read and written with the metadata that Ada keeps: type, scope, source and timestamp, and conversation_id,
// role, importance (1 to 5), entity and tags where there are any. What consolidation adds is scalar, and additive.
//
// A summary needs an embedding. [Options].Embed makes it with the model of the collection; without one it is the mean of
// the embeddings of what the summary quotes, which lies in the same space and needs no model.
package chroma

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Options say how to reach a collection. Nil is the same as a zero Options.
type Options struct {
	// Token is sent as a bearer token and as X-Chroma-Token. Empty: none.
	Token string
	// Embed makes the vectors of derived documents. Nil: the mean of the vectors that they are derived from.
	Embed func(ctx context.Context, texts []string) ([][]float32, error)
}

// usualCollection is the collection of an address that names none: Ada's.
const usualCollection = "conversations"

// Errors of a server or a collection.
var (
	// ErrNoCollection is returned when the server has no collection of the name. None is ever made.
	ErrNoCollection = errors.New("no such collection")
	// ErrChanged is returned when somebody wrote to the collection while it was read.
	ErrChanged = errors.New("the collection changed while it was read")
	// ErrDimension is returned for a vector whose length is not that of the collection.
	ErrDimension = errors.New("a vector of another dimension than the collection's")
)

// Error is what the server answered instead of a result.
type Error struct {
	Status  int    // of HTTP
	Message string // the server's own, shortened
}

func (e *Error) Error() string {
	text := fmt.Sprintf("chroma answered %d %s", e.Status, http.StatusText(e.Status))
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden {
		text += ": check the token"
	}
	return text
}

// Collection is a collection of a Chroma server. It is safe for concurrent use.
type Collection struct {
	http  *http.Client
	token string
	base  string // of the collection's own operations
	embed func(ctx context.Context, texts []string) ([][]float32, error)

	name  string
	space string // l2, cosine or ip
	dim   int    // 0: nothing was written to it yet
	batch int    // most documents of one write
}

// Open finds a collection: http://host:8000/conversations, with ?tenant= and &database= where they are not the default ones.
// A missing path means Ada's, "conversations".
func Open(ctx context.Context, address string, o *Options) (*Collection, error) {
	c, err := open(ctx, address, o)
	if err != nil {
		return nil, fmt.Errorf("chroma %s: %w", redacted(address), err)
	}
	return c, nil
}

func redacted(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Redacted()
	}
	return fmt.Sprintf("%q", address)
}

func open(ctx context.Context, address string, o *Options) (*Collection, error) {
	o = cmp.Or(o, &Options{})
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("this is no address: write it like http://localhost:8000/conversations")
	}
	tenant := cmp.Or(u.Query().Get("tenant"), "default_tenant")
	database := cmp.Or(u.Query().Get("database"), "default_database")
	prefix, name := "", strings.Trim(u.Path, "/")
	if i := strings.LastIndex(name, "/"); i >= 0 { // behind a proxy's path
		prefix, name = "/"+name[:i], name[i+1:]
	}
	retry := retryablehttp.NewClient()
	retry.Logger, retry.RetryMax, retry.RetryWaitMin = nil, 3, 200*time.Millisecond
	retry.HTTPClient.Timeout = time.Minute
	retry.ErrorHandler = retryablehttp.PassthroughErrorHandler
	c := &Collection{http: retry.StandardClient(), token: o.Token, embed: o.Embed, name: cmp.Or(name, usualCollection), batch: 1000}
	root := u.Scheme + "://" + u.Host + prefix + "/api/"
	collections, suffix := root+"v2/tenants/"+url.PathEscape(tenant)+"/databases/"+url.PathEscape(database)+"/collections", ""
	if err := c.call(ctx, http.MethodGet, root+"v2/heartbeat", nil, nil); err != nil {
		answer := (*Error)(nil)
		if !errors.As(err, &answer) || answer.Status != http.StatusNotFound && answer.Status != http.StatusMethodNotAllowed && answer.Status != http.StatusGone {
			return nil, err
		}
		if err := c.call(ctx, http.MethodGet, root+"v1/heartbeat", nil, nil); err != nil {
			return nil, fmt.Errorf("it speaks neither version 2 nor 1: %w", err)
		}
		collections, suffix = root+"v1/collections", "?"+url.Values{"tenant": {tenant}, "database": {database}}.Encode()
	}
	var found struct {
		ID            string         `json:"id"`
		Dimension     *int           `json:"dimension"`
		Metadata      map[string]any `json:"metadata"`
		Configuration struct {
			HNSW, Spann *struct {
				Space string `json:"space"`
			}
		} `json:"configuration_json"`
	}
	err = c.call(ctx, http.MethodGet, collections+"/"+url.PathEscape(c.name)+suffix, nil, &found)
	answer := (*Error)(nil)
	// Version 1 answers 500 or 400 for a collection that it does not have, and says so.
	if errors.As(err, &answer) && (answer.Status == http.StatusNotFound || strings.Contains(answer.Message, "does not exist")) {
		return nil, fmt.Errorf("%w: %q; none is made, because its owner knows its dimension", ErrNoCollection, c.name)
	}
	if err != nil {
		return nil, err
	}
	if found.ID == "" {
		return nil, errors.New("the server's answer names no collection")
	}
	c.base, c.space = collections+"/"+url.PathEscape(found.ID), "l2"
	if found.Dimension != nil {
		c.dim = *found.Dimension
	}
	if space, ok := found.Metadata["hnsw:space"].(string); ok {
		c.space = space
	}
	for _, index := range []*struct {
		Space string `json:"space"`
	}{found.Configuration.HNSW, found.Configuration.Spann} {
		if index != nil && index.Space != "" {
			c.space = index.Space
		}
	}
	var limits struct {
		Batch int `json:"max_batch_size"`
	}
	if c.call(ctx, http.MethodGet, root+map[bool]string{true: "v1", false: "v2"}[suffix != ""]+"/pre-flight-checks", nil, &limits) == nil && limits.Batch > 0 {
		c.batch = min(c.batch, limits.Batch)
	}
	return c, nil
}

// maxAnswer bounds an answer, in bytes: a thousand documents with vectors of 3072 numbers take 40 MB.
const maxAnswer = 512 << 20

// call sends a request and reads its answer into out. Every request of this package may be repeated.
func (c *Collection) call(ctx context.Context, method, address string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
		request.Header.Set("X-Chroma-Token", c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode/100 != 2 {
		return &Error{response.StatusCode, message(data)}
	}
	if out == nil {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // 3 stays 3, and 3.0 stays 3.0
	if err := decoder.Decode(out); err != nil {
		return fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	return nil
}

// message is what an error's body says.
func message(body []byte) string {
	var e struct{ Message, Error, Detail string }
	text := string(body)
	if json.Unmarshal(body, &e) == nil && cmp.Or(e.Message, e.Error, e.Detail) != "" {
		text = cmp.Or(e.Message, e.Error, e.Detail)
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}
