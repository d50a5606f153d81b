package serve

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/trm-go/refiner/adapters/mcp"
	"github.com/trm-go/refiner/internal/batch"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// Webhook is an address that is told of changes to the memories: one POST for each write, or for each 100 memories of it.
type Webhook struct {
	URL    string   // https, or http on this machine
	Secret string   // signs each body (HMAC-SHA256, in X-Refiner-Signature); empty: none is signed
	Events []string // remembered, changed, deleted; none: all of them
	Plain  bool     // allows http to other machines, over which anybody on the way reads the memories
}

var hookEvents = []string{"remembered", "changed", "deleted"}

// The bounds of telling. A write never waits for it: what finds the queue full is dropped.
const (
	mostChanges   = 1024                   // that wait for one webhook; they hold IDs, no texts
	changeIDs     = 100                    // of one POST
	hookTimeout   = 10 * time.Second       // of one attempt
	hookRetries   = 8                      // after the first attempt
	hookWait      = 200 * time.Millisecond // before the first retry; it doubles each time: 51 s in all
	hookWaitMost  = 30 * time.Second       // also where the receiver asks for a longer wait
	hookCloseMost = 5 * time.Second        // for what is pending when the server is closed
)

// check returns the host, or reports a webhook that cannot be used or would send memories in the clear to another machine.
func (h *Webhook) check() (string, error) {
	at, err := url.Parse(h.URL)
	switch {
	case err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "":
		return "", errors.New("its url is no address: write it like https://example.org/hook")
	case at.User != nil:
		return "", fmt.Errorf("the url of %q holds a password: sign with a secret instead", at.Host)
	case at.Scheme == "http" && !h.Plain && !mcp.IsLoopback(at.Hostname()):
		return "", fmt.Errorf("http to %q would send memories in the clear: use https, or set plain for a network that you trust", at.Host)
	}
	for _, e := range h.Events {
		if !slices.Contains(hookEvents, e) {
			return "", fmt.Errorf("%q is no event: use %s", e, strings.Join(hookEvents, ", "))
		}
	}
	return at.Host, nil
}

// webhooks tell of changes. One goroutine for each sends, while there is something to send.
type webhooks struct {
	list    []*hookSender
	store   refine.Store
	client  *retryablehttp.Client
	log     *slog.Logger
	metrics *metrics
	ctx     context.Context // ends with the server
	cut     context.CancelFunc
}

type hookSender struct {
	Webhook
	host  string // for the log: the rest of an address may be secret
	queue *batch.Batcher[*change]
	full  atomic.Bool // something was dropped, and nothing was taken since
}

// newWebhooks makes the webhooks of a store's changes, none of which is under way yet.
func newWebhooks(list []Webhook, store refine.Store, m *metrics, log *slog.Logger) (*webhooks, error) {
	w := &webhooks{store: store, log: log, metrics: m, client: retryablehttp.NewClient()}
	w.ctx, w.cut = context.WithCancel(context.Background())
	w.client.Logger, w.client.HTTPClient.Timeout = nil, hookTimeout                                                   // a logger would be told addresses
	w.client.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // to where nobody allowed it
	w.client.RetryMax, w.client.RetryWaitMin, w.client.RetryWaitMax = hookRetries, hookWait, hookWaitMost
	w.client.ErrorHandler = retryablehttp.PassthroughErrorHandler // the last answer says what is wrong
	w.client.Backoff = func(low, high time.Duration, attempt int, r *http.Response) time.Duration {
		return min(retryablehttp.DefaultBackoff(low, high, attempt, r), high)
	}
	for i, one := range list {
		host, err := one.check()
		if err != nil {
			return nil, fmt.Errorf("serve.webhooks: %d: %w", i+1, err)
		}
		h := &hookSender{Webhook: one, host: host}
		h.queue = batch.New(mostChanges, 0, func(changes []*change) {
			for _, c := range changes {
				w.send(h, c)
			}
		})
		w.list = append(w.list, h)
	}
	m.NewGauge("refine_webhook_events_pending", w.pending)
	return w, nil
}

func (w *webhooks) pending() (n float64) {
	for _, h := range w.list {
		n += float64(h.queue.Len())
	}
	return n
}

// tell hands a change over to the webhooks that want it. It does not wait.
func (w *webhooks) tell(event string, scope memory.Scope, c change) {
	c.Delivery, c.Event, c.Time, c.Tenant, c.User, c.scope = rand.Text(), event, time.Now().UTC(), scope.Tenant, scope.User, scope
	for _, h := range w.list {
		switch {
		case len(h.Events) > 0 && !slices.Contains(h.Events, event):
		case h.queue.Offer(&c):
			h.full.Store(false)
		default:
			w.metrics.count("refine_webhook_events_total", 1, "result", "dropped")
			if !h.full.Swap(true) {
				w.log.Warn("a webhook is too slow: changes are dropped", "host", h.host, "pending", mostChanges)
			}
		}
	}
}

// send tells one webhook of a change, with retries.
func (w *webhooks) send(h *hookSender, c *change) {
	body, err := c.body(w.ctx, w.store)
	if err == nil {
		err = w.post(h, body)
	}
	switch failed := (*url.Error)(nil); {
	case err == nil:
		w.metrics.count("refine_webhook_events_total", 1, "result", "delivered")
		return
	case w.ctx.Err() != nil: // close has logged it
		w.metrics.count("refine_webhook_events_total", 1, "result", "dropped")
		return
	case errors.As(err, &failed):
		err = failed.Err // without the address
	}
	w.metrics.count("refine_webhook_events_total", 1, "result", "failed")
	w.log.Warn("a webhook could not be told of a change", "host", h.host, "event", c.Event, "delivery", c.Delivery, "error", err)
}

// post sends a body until it is taken or there is no hope.
func (w *webhooks) post(h *hookSender, body []byte) error {
	r, err := retryablehttp.NewRequestWithContext(w.ctx, http.MethodPost, h.URL, body)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if h.Secret != "" {
		r.Header.Set("X-Refiner-Signature", sign(h.Secret, time.Now(), body))
	}
	answer, err := w.client.Do(r)
	if answer == nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, 4<<10) // so that the connection serves again
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("it answered %s", answer.Status)
	}
	return nil
}

// sign is the header of a body: the time in seconds, and the HMAC-SHA256 of the time, a point and the body.
func sign(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(append([]byte(t+"."), body...))
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// close waits for what is pending, but no longer than some time. What is left is dropped.
func (w *webhooks) close(most time.Duration) {
	timer := time.AfterFunc(min(most, hookCloseMost), func() {
		w.log.Warn("webhooks are not told of the last changes: the server stops", "queued", w.pending())
		w.cut()
	})
	for _, h := range w.list {
		h.queue.Wait()
	}
	timer.Stop()
	w.cut()
	w.client.HTTPClient.CloseIdleConnections()
}

// change is what a webhook is told, as JSON. What waits to be told holds no texts: they are read when it is sent, so that
// what was deleted meanwhile stays unsaid.
type change struct {
	Delivery string          `json:"delivery"` // the same in every attempt
	Event    string          `json:"event"`
	Time     time.Time       `json:"time"`
	Tenant   string          `json:"tenant"`
	User     string          `json:"user"`
	IDs      []memory.ID     `json:"ids"`
	Replaced []memory.ID     `json:"replaced,omitempty"` // whose place they took
	Memories []memory.Record `json:"memories,omitempty"`

	scope memory.Scope
}

// body is the JSON of a change, with the memories as they are now.
func (of *change) body(ctx context.Context, store refine.Store) ([]byte, error) {
	c := *of // other webhooks have it too
	for _, id := range c.IDs {
		if c.Event == "deleted" {
			break
		}
		r, err := store.Record(ctx, c.scope, id)
		if errors.Is(err, memory.ErrNotFound) {
			continue // it was deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		r.Embedding, r.Model = nil, ""
		c.Memories = append(c.Memories, r)
	}
	return json.Marshal(c)
}

// tellAll tells of any number of memories.
func (w *webhooks) tellAll(event string, scope memory.Scope, ids []memory.ID) {
	for part := range slices.Chunk(ids, changeIDs) {
		w.tell(event, scope, change{IDs: part})
	}
}

// observedStore is a store whose changes webhooks are told of. Everything that the server writes goes through it.
type observedStore struct {
	refine.Store
	hooks *webhooks
}

func (s observedStore) Add(ctx context.Context, scope memory.Scope, records ...memory.Record) (memory.Added, error) {
	added, err := s.Store.Add(ctx, scope, records...)
	s.hooks.tellAll("remembered", scope, added.New)
	return added, err
}

func (s observedStore) AddAll(ctx context.Context, scope memory.Scope, records iter.Seq2[memory.Record, error], o *memory.AddOptions) (memory.Added, error) {
	added, err := s.Store.AddAll(ctx, scope, records, o)
	s.hooks.tellAll("remembered", scope, added.New)
	return added, err
}

func (s observedStore) Supersede(ctx context.Context, scope memory.Scope, record memory.Record, old ...memory.ID) (memory.ID, error) {
	id, err := s.Store.Supersede(ctx, scope, record, old...)
	if err == nil {
		s.hooks.tell("changed", scope, change{IDs: []memory.ID{id}, Replaced: slices.Clone(old)})
	}
	return id, err
}

func (s observedStore) Undo(ctx context.Context, scope memory.Scope, id memory.ID) error {
	if err := s.Store.Undo(ctx, scope, id); err != nil {
		return err
	}
	c := change{IDs: []memory.ID{}, Replaced: []memory.ID{id}}
	history, err := s.Store.History(ctx, scope, id)
	for _, e := range history.Events {
		if e.What == "revived" && e.By == id {
			c.IDs = append(c.IDs, e.ID)
		}
	}
	if err != nil { // it is undone all the same
		s.hooks.log.Warn("webhooks are not told what is live again after an undo", "id", id, "error", err)
	}
	s.hooks.tell("changed", scope, c)
	return nil
}

func (s observedStore) Delete(ctx context.Context, scope memory.Scope, ids []memory.ID, o *memory.DeleteOptions) (memory.Deleted, error) {
	deleted, err := s.Store.Delete(ctx, scope, ids, o)
	s.hooks.tellAll("deleted", scope, deleted.IDs)
	return deleted, err
}
