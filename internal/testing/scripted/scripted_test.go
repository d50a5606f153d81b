package scripted

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func post(t *testing.T, url string, r Request) (int, string) {
	t.Helper()
	body, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(url+"/chat/completions", "application/json", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestServer(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s, err := New(Sequence("one", "two words"))
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer s.Close()
	if code, text := post(t, s.URL, Request{Model: "m"}); code != 200 || !strings.Contains(text, `"content":"one"`) {
		t.Errorf("%d %s", code, text)
	}
	code, text := post(t, s.URL, Request{Stream: true})
	if code != 200 || !strings.Contains(text, `"content":"two "`) || !strings.Contains(text, `"total_tokens"`) || !strings.HasSuffix(text, "data: [DONE]\n\n") {
		t.Errorf("%d %s", code, text)
	}
	if r := s.Requests(); len(r) != 2 || r[0].Model != "m" || !r[1].Stream || r[1].N != 2 {
		t.Errorf("%+v", r)
	}
	response, err := http.Post(s.URL+"/chat/completions", "application/json", strings.NewReader("no JSON"))
	if err != nil || response.StatusCode != http.StatusBadRequest {
		t.Errorf("%v, %v", response, err)
	}
	response.Body.Close()
}
