package ada

import (
	"encoding/json"
	"testing"
)

func TestImportanceScales(t *testing.T) {
	for n, want := range map[number]float64{1: 0, 3: .5, 5: 1, .5: .5, 0: 0, .999: .999, 7: .7, 10: 1, 11: .5, -1: .5} {
		if got := n.unit(); got < want-1e-9 || got > want+1e-9 {
			t.Errorf("%v is %v, want %v", n, got, want)
		}
	}
	if (*number)(nil).unit() != .5 {
		t.Error("the default is wrong")
	}
}

// FuzzRequests: any JSON is read or refused.
func FuzzRequests(f *testing.F) {
	for _, seed := range []string{
		`{"prompt":"a","conversation_id":"c","turns_k":"4","memory_importance":2.5}`, `{"message":"b","media":{"x":1}}`,
		`{"messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"c"},{"type":"image_url"}]}]}`,
		`{"text":"x","importance":0.5,"tags":["a","b"],"scope":"user"}`, `{"content":"x","importance":"4","tags":"a,b","entity":"luna"}`,
		`{"text":null,"importance":null,"tags":null}`, `{"importance":1e400}`, `[]`, `{"messages":[{"content":null}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var r chatRequest
		if json.Unmarshal(body, &r) == nil {
			if _, before := r.question(); len(before) > len(r.Messages) {
				t.Error("there is more before the question than there is")
			}
			if n := r.TurnsK.count(4, 100); n < 0 || n > 100 {
				t.Errorf("%d turns", n)
			}
		}
		var m newMemory
		if json.Unmarshal(body, &m) == nil {
			if x := m.record().Importance; !(x >= 0 && x <= 1) {
				t.Errorf("the importance is %v", x)
			}
		}
		for _, into := range []any{&item{}, &utterance{}, &conversation{}} {
			_ = json.Unmarshal(body, into)
		}
	})
}
