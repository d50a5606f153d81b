package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/text"
)

type Doc struct {
	ID      string
	Text    string
	Caption string
	Query   string
	Speaker int // index; beam: 0 user 1 assistant
	Session int
	Pos     int
	At      time.Time
	tf      map[string]int // content terms
	terms   []string
	length  float64
	links   []string
	isQ     bool
	first   bool // first person
	ntok    int
}
type Q struct {
	Text string
	Cat  int
	CatName string
	Gold map[int]bool
	Idx  int
}
type Conv struct {
	Name     string
	Set      string
	Docs     []Doc
	Qs       []Q
	Speakers []string
	df       map[string]int
	ldf      map[string]int
	post     map[string][]int
	avg      float64
	prev, next []int
}

var withCaption, withQuery, withSpeaker, withDate = true, false, false, false

func (c *Conv) index() {
	c.df, c.ldf, c.post = map[string]int{}, map[string]int{}, map[string][]int{}
	tot := 0.0
	for i := range c.Docs {
		d := &c.Docs[i]
		s := d.Text
		if withCaption && d.Caption != "" {
			s += " [image: " + d.Caption + "]"
		}
		if withQuery && d.Query != "" {
			s += " [" + d.Query + "]"
		}
		d.terms = text.Terms(s)
		if withSpeaker && c.Set == "locomo" {
			d.terms = append(d.terms, text.Terms(c.Speakers[d.Speaker])...)
		}
		if withDate {
			d.terms = append(d.terms, text.Terms(d.At.Format("2 January 2006"))...)
		}
		d.tf = map[string]int{}
		for _, t := range d.terms {
			d.tf[t]++
		}
		for t := range d.tf {
			c.df[t]++
			c.post[t] = append(c.post[t], i)
		}
		d.length = float64(len(d.terms))
		tot += d.length
		d.links = text.Links(s, d.At)
		for _, l := range d.links {
			c.ldf[l]++
		}
		d.isQ = strings.Contains(d.Text, "?")
		w := " " + strings.ToLower(d.Text) + " "
		d.first = strings.Contains(w, " i ") || strings.Contains(w, " i'") || strings.Contains(w, " my ") || strings.Contains(w, " we ") || strings.Contains(w, " our ")
		d.ntok = text.Tokens(d.Text)
	}
	c.avg = tot / float64(len(c.Docs))
	c.prev, c.next = make([]int, len(c.Docs)), make([]int, len(c.Docs))
	for i := range c.Docs {
		c.prev[i], c.next[i] = -1, -1
		if i > 0 && c.Docs[i-1].Session == c.Docs[i].Session {
			c.prev[i] = i - 1
		}
		if i+1 < len(c.Docs) && c.Docs[i+1].Session == c.Docs[i].Session {
			c.next[i] = i + 1
		}
	}
}

var reID = regexp.MustCompile(`D:?0*(\d+):0*(\d+)`)

func loadLocomo() []*Conv {
	base := "/work/shared/data/locomo/"
	raw, _ := os.ReadFile(base + "locomo_dev.json")
	var arr []struct {
		QA           []map[string]any `json:"qa"`
		Conversation map[string]json.RawMessage
		SampleID     string `json:"sample_id"`
	}
	if err := json.Unmarshal(raw, &arr); err != nil {
		panic(err)
	}
	craw, _ := os.ReadFile(base + "locomo_dev_corrections.json")
	var corr []struct {
		QuestionID string   `json:"question_id"`
		Correct    []string `json:"correct_evidence"`
	}
	if err := json.Unmarshal(craw, &corr); err != nil {
		panic(err)
	}
	fix := map[string][]string{}
	for _, c := range corr {
		fix[c.QuestionID] = c.Correct
	}
	idx := []int{0, 2, 4, 6, 8}
	var out []*Conv
	for ci, a := range arr {
		c := &Conv{Name: a.SampleID, Set: "locomo"}
		var sa, sb string
		json.Unmarshal(a.Conversation["speaker_a"], &sa)
		json.Unmarshal(a.Conversation["speaker_b"], &sb)
		c.Speakers = []string{sa, sb}
		id2 := map[string]int{}
		for s := 1; ; s++ {
			r, ok := a.Conversation["session_"+strconv.Itoa(s)]
			if !ok {
				if s > 60 {
					break
				}
				continue
			}
			var dt string
			json.Unmarshal(a.Conversation[fmt.Sprintf("session_%d_date_time", s)], &dt)
			at, err := time.Parse("3:04 pm on 2 January, 2006", dt)
			if err != nil {
				panic(err)
			}
			var ts []struct{ Speaker, Dia_id, Text, Blip_caption, Query string }
			json.Unmarshal(r, &ts)
			for p, t := range ts {
				sp := 0
				if t.Speaker == sb {
					sp = 1
				}
				id2[t.Dia_id] = len(c.Docs)
				c.Docs = append(c.Docs, Doc{ID: t.Dia_id, Text: t.Text, Caption: t.Blip_caption, Query: t.Query, Speaker: sp, Session: s, Pos: p, At: at})
			}
		}
		for qi, q := range a.QA {
			cat := int(q["category"].(float64))
			ev, _ := q["evidence"].([]any)
			var strs []string
			for _, e := range ev {
				strs = append(strs, fmt.Sprint(e))
			}
			if f, ok := fix[fmt.Sprintf("locomo_%d_qa%d", idx[ci], qi)]; ok && len(f) > 0 {
				strs = f
			}
			gold := map[int]bool{}
			for _, e := range strs {
				for _, m := range reID.FindAllStringSubmatch(e, -1) {
					if i, ok := id2["D"+m[1]+":"+m[2]]; ok {
						gold[i] = true
					}
				}
			}
			if len(gold) == 0 {
				continue
			}
			c.Qs = append(c.Qs, Q{Text: fmt.Sprint(q["question"]), Cat: cat, CatName: map[int]string{1: "multi", 2: "temporal", 3: "open", 4: "single", 5: "adversarial"}[cat], Gold: gold, Idx: qi})
		}
		out = append(out, c)
	}
	return out
}

func loadBeam() []*Conv {
	files, _ := filepath.Glob("/work/shared/data/beam/100K/*/chat.json")
	sort.Strings(files)
	var out []*Conv
	for _, f := range files {
		raw, _ := os.ReadFile(f)
		var batches []struct {
			Turns [][]struct {
				Role, Content string
				ID            int
				TimeAnchor    string `json:"time_anchor"`
			}
		}
		if err := json.Unmarshal(raw, &batches); err != nil {
			panic(err)
		}
		c := &Conv{Name: "beam" + filepath.Base(filepath.Dir(f)), Set: "beam", Speakers: []string{"user", "assistant"}}
		id2 := map[int]int{}
		at := time.Time{}
		for b, ba := range batches {
			p := 0
			for _, t := range ba.Turns {
				for _, m := range t {
					if m.TimeAnchor != "" {
						if x, err := time.Parse("January-02-2006", m.TimeAnchor); err == nil {
							at = x
						}
					}
					sp := 0
					if m.Role == "assistant" {
						sp = 1
					}
					tx := m.Content
					if i := strings.LastIndex(tx, "->->"); i > 0 {
						tx = strings.TrimSpace(tx[:i])
					}
					id2[m.ID] = len(c.Docs)
					c.Docs = append(c.Docs, Doc{ID: strconv.Itoa(m.ID), Text: tx, Speaker: sp, Session: b, Pos: p, At: at})
					p++
				}
			}
		}
		praw, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "probing_questions.json"))
		var pq map[string][]map[string]any
		if err := json.Unmarshal(praw, &pq); err != nil {
			panic(err)
		}
		var cats []string
		for k := range pq {
			cats = append(cats, k)
		}
		sort.Strings(cats)
		for _, k := range cats {
			for qi, q := range pq[k] {
				gold := map[int]bool{}
				var walk func(v any)
				walk = func(v any) {
					switch v := v.(type) {
					case float64:
						if i, ok := id2[int(v)]; ok {
							gold[i] = true
						}
					case []any:
						for _, x := range v {
							walk(x)
						}
					case map[string]any:
						for _, x := range v {
							walk(x)
						}
					}
				}
				walk(q["source_chat_ids"])
				if len(gold) == 0 {
					continue
				}
				c.Qs = append(c.Qs, Q{Text: q["question"].(string), CatName: k, Gold: gold, Idx: qi})
			}
		}
		out = append(out, c)
	}
	return out
}
