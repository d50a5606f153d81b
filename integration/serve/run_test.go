package serve_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/trm-go/refiner/integration/serve"
	"github.com/trm-go/refiner/internal/testing/scripted"
)

// running is a server that Run runs.
type running struct {
	url   string
	stop  context.CancelFunc
	ended chan error
}

func run(t *testing.T, o *serve.Options, secure *tls.Config) (*running, *proxy) {
	t.Helper()
	p := newPlugin(t, "Ruth moved to Lisbon.")
	s, err := serve.New(p, o)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r := &running{url: "http://" + listener.Addr().String(), stop: stop, ended: make(chan error, 1)}
	go func() { r.ended <- s.Run(ctx, listener, secure) }()
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		stop()
		client.CloseIdleConnections()
	})
	return r, &proxy{Server: s, URL: r.url, plugin: p, client: client}
}

// begin starts a stream and reads its first line.
func (p *proxy) begin(t *testing.T) (*http.Response, *bufio.Reader) {
	t.Helper()
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+"/v1/chat/completions", strings.NewReader(chatBody(t, map[string]any{"stream": true}, "Where did Ruth move?")))
	request.Header.Set("Content-Type", "application/json")
	response, err := p.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(response.Body)
	if _, err := reader.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return response, reader
}

// A stream that is under way comes to its end, and is written, while nothing new is taken.
func TestStopsWhenStreamsHaveEnded(t *testing.T) {
	_, up := model(t, func(scripted.Request) scripted.Reply {
		return scripted.Reply{Text: "It was a move to some other town.", Pause: 60 * time.Millisecond}
	})
	r, p := run(t, &serve.Options{Upstream: up, Wait: 20 * time.Second}, nil)
	response, rest := p.begin(t)
	defer response.Body.Close()
	r.stop()
	text, err := io.ReadAll(rest)
	if err != nil || !strings.HasSuffix(string(text), "data: [DONE]\n\n") {
		t.Errorf("the stream ends with %v: %s", err, text)
	}
	if err := <-r.ended; err != nil {
		t.Errorf("stopped with %v", err)
	}
	if list := records(t, p.plugin, ada); len(list) != 3 {
		t.Errorf("%d records: the turn is not written", len(list))
	}
	if _, err := p.client.Get(r.url + "/healthz"); err == nil {
		t.Error("it still answers")
	}
}

// What takes too long is cut off, and says so.
func TestStopsInTime(t *testing.T) {
	_, up := model(t, func(scripted.Request) scripted.Reply {
		return scripted.Reply{Text: "one two three", Pause: time.Minute}
	})
	r, p := run(t, &serve.Options{Upstream: up, Wait: 100 * time.Millisecond}, nil)
	response, rest := p.begin(t)
	defer response.Body.Close()
	start := time.Now()
	r.stop()
	if err := <-r.ended; err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("stopped with %v", err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("stopping took %s", took)
	}
	if text, err := io.ReadAll(rest); err == nil {
		t.Errorf("a stream that was cut off looks whole: %s", text)
	}
}

func TestTLS(t *testing.T) {
	made := httptest.NewUnstartedServer(nil)
	made.StartTLS() // for its certificate
	defer made.Close()
	r, p := run(t, nil, &tls.Config{Certificates: made.TLS.Certificates, MinVersion: tls.VersionTLS12})
	p.client = made.Client()
	response, err := p.client.Get(strings.Replace(r.url, "http:", "https:", 1) + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 200 || response.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%d %v", response.StatusCode, response.Header)
	}
	p.client.CloseIdleConnections()
	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

// fakeAddress is a listener somewhere on the network.
type fakeAddress struct{ net.Listener }

func (fakeAddress) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80} }

func TestRunRefusesToBeOpen(t *testing.T) {
	s, err := serve.New(newPlugin(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context(), fakeAddress{}, nil); !errors.Is(err, serve.ErrOpen) {
		t.Errorf("%v", err)
	}
}
