package eval

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/memory"
)

func TestLoCoMo(t *testing.T) {
	ctx := context.Background()
	d, err := LoCoMo(ctx, "testdata/locomo.json", &LoCoMoOptions{Corrections: "testdata/corrections.json", Adversarial: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []Question{
		{ID: "conv-41/qa0", Text: "What is Ana's cat called?", Category: "multi-hop", Evidence: []string{"D1:1", "D1:3"}, Answer: "Luna"},
		{ID: "conv-41/qa1", Text: "When did Ben sell his car?", Category: "temporal", Evidence: []string{"D2:1"}, Answer: "8 May"},
		{ID: "conv-41/qa3", Text: "What colour is the cat?", Category: "single-hop", Evidence: []string{"D1:1"}, Answer: "grey"},
		{ID: "conv-41/qa4", Text: "What did Ana sell?", Category: "adversarial", Evidence: []string{"D2:1"}, Answer: ""},
	}
	if diff := cmp.Diff(want, d.Conversations[0].Questions); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if d.Unscored != 1 || d.Corrected != 1 || d.Records() != 5 {
		t.Errorf("%d without evidence, %d corrected, %d records; want 1, 1, 5", d.Unscored, d.Corrected, d.Records())
	}
	for _, r := range d.Conversations[0].Records {
		if !d.Conversations[0].Scope.Contains(r.Scope) {
			t.Errorf("scope %s does not contain %s", d.Conversations[0].Scope, r.Scope)
		}
	}
	plain, err := LoCoMo(ctx, "testdata/locomo.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := plain.Conversations[0].Questions[1].Evidence; plain.Questions() != 3 || got[0] != "D2:2" {
		t.Errorf("without corrections and category 5: %d questions, evidence %q", plain.Questions(), got)
	}
}

func TestLoCoMoRefuses(t *testing.T) {
	write := func(name, text string) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	const turn = `"conversation":{"session_1":[{"speaker":"A","dia_id":"D1:1","text":"x"}]}`
	tests := []struct{ name, file, corrections, want string }{
		{"no file", filepath.Join(t.TempDir(), "none"), "", "none: no such file"},
		{"not LoCoMo", write("a", "{"), "", "is not LoCoMo"},
		{"no questions", write("a", `[{"sample_id":"c",`+turn+`}]`), "", "holds no question with evidence"},
		{"category", write("a", `[{"sample_id":"c",`+turn+`,"qa":[{"question":"q","evidence":["D1:1"],"category":6}]}]`), "", "question 0 of c has the category 6, not 1 to 5"},
		{"corrections", "testdata/locomo.json", write("c", "{}"), "is no list of corrections"},
		{"of another set", "testdata/locomo.json", write("c", `[{"question_id":"locomo_2_qa1","question":"?","correct_evidence":["D1:1"]}]`), "the correction locomo_2_qa1 is of another question than conv-41/qa1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := LoCoMo(context.Background(), tt.file, &LoCoMoOptions{Corrections: tt.corrections})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestBEAM(t *testing.T) {
	d, err := BEAM(context.Background(), "testdata/beam")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, c := range d.Conversations {
		ids = append(ids, c.ID)
	}
	if diff := cmp.Diff([]string{"2", "10"}, ids); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	want := []Question{
		{ID: "2/contradiction_resolution/0", Text: "Do I have a key?", Category: "contradiction_resolution", Evidence: []string{"0", "2"}, Answer: ""},
		{ID: "2/information_extraction/0", Text: "What did I lack?", Category: "information_extraction", Evidence: []string{"0"}, Answer: ""},
	}
	c := d.Conversations[0]
	if diff := cmp.Diff(want, c.Questions); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if d.Unscored != 4 || len(c.Records) != 3 || c.Records[0].Text != "I have no API key yet." || c.Scope != (memory.Scope{User: "2"}) {
		t.Errorf("%d without evidence, scope %s, records %v", d.Unscored, c.Scope, c.Records)
	}
	one, err := BEAM(context.Background(), "testdata/beam/2")
	if err != nil || one.Questions() != 2 || one.Conversations[0].ID != "2" {
		t.Errorf("one chat: %v, %v", one, err)
	}
	if _, err := BEAM(context.Background(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "holds no chat.json") {
		t.Errorf("an empty folder: %v", err)
	}
}

// TestEvaluationSets loads the real sets where they are, and compares with what was counted by other means.
func TestEvaluationSets(t *testing.T) {
	const folder = "../../../shared/data"
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("no evaluation data at %s", folder)
	}
	ctx := context.Background()
	locomo, err := LoCoMo(ctx, folder+"/locomo/locomo_dev.json", &LoCoMoOptions{Corrections: folder + "/locomo/locomo_dev_corrections.json", Adversarial: true})
	if err != nil {
		t.Fatal(err)
	}
	beam, err := BEAM(ctx, folder+"/beam/100K")
	if err != nil {
		t.Fatal(err)
	}
	type counts struct{ Conversations, Turns, Questions, Unscored int }
	count := func(d *Dataset) counts {
		return counts{len(d.Conversations), d.Records(), d.Questions(), d.Unscored}
	}
	if diff := cmp.Diff(counts{5, 2960, 1018, 2}, count(locomo)); diff != "" {
		t.Errorf("LoCoMo (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(counts{10, 2998, 176, 24}, count(beam)); diff != "" {
		t.Errorf("BEAM (-want +got)\n%s", diff)
	}
	categories := map[string]int{}
	for _, c := range locomo.Conversations {
		for _, q := range c.Questions {
			categories[q.Category]++
		}
	}
	// Two questions of category 3 have no evidence.
	if diff := cmp.Diff(map[string]int{"multi-hop": 151, "temporal": 157, "open-domain": 59, "single-hop": 419, "adversarial": 232}, categories); diff != "" {
		t.Errorf("categories (-want +got)\n%s", diff)
	}
	t.Logf("LoCoMo: %d questions with corrected evidence", locomo.Corrected)
}

func FuzzLoCoMoRefs(f *testing.F) {
	for _, s := range []string{"D1:2", "D8:6; D9:17", "D9:1 D4:4 D4:6", "D30:05", "D:11:26", "D", "", "D1:", "D-1:2", "D1:2:3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, ref := range locomoRefs([]string{s}) {
			if again := locomoRefs([]string{ref}); len(again) != 1 || again[0] != ref {
				t.Errorf("%q gives %q, which gives %q", s, ref, again)
			}
		}
	})
}

func FuzzBEAMRefs(f *testing.F) {
	for _, s := range []string{"[1,2]", `{"a":[1],"b":[[2,3]]}`, "null", "7", `["8"]`, "[true]", "[1.5]", "[1e99]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		refs, err := beamRefs(data)
		if err != nil && refs != nil {
			t.Errorf("both %q and %v", refs, err)
		}
		for i := 1; i < len(refs); i++ {
			if refs[i] == refs[i-1] {
				t.Errorf("%q is there twice", refs[i])
			}
		}
	})
}

func TestSample(t *testing.T) {
	d, err := Sample(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if d.Questions() != 44 || d.Records() != 410 || d.Unscored != 0 {
		t.Errorf("%d questions over %d turns, %d without evidence; want 44, 410, 0", d.Questions(), d.Records(), d.Unscored)
	}
}
