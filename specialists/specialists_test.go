package specialists_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

func day(s string) time.Time {
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return d.Add(12 * time.Hour)
}

func ana(id, at, text string) memory.Record {
	return memory.Record{ID: memory.ID(id), Kind: memory.KindTurn, Role: "user", Speaker: "Ana", Text: text, Created: day(at), Position: -1, Origin: memory.Observed}
}

// anaTask is a question with some of what Ana said.
func anaTask(question string) *specialists.Task {
	job := ana("m2", "2024-06-01", "I work at Siemens as a data analyst.")
	job.ValidUntil = day("2025-02-01")
	return &specialists.Task{Question: question, Now: day("2025-06-10"), Evidence: []memory.Record{
		ana("m1", "2024-01-08", "My sister Ruth moved to Lisbon last week. She works as a nurse."),
		job,
		ana("m3", "2025-02-01", "I started a new job at Bosch, still as a data analyst."),
		ana("m4", "2024-05-05", "We paid 1,200 euros for the new sofa."),
		ana("m5", "2024-09-09", "My flight to Oslo is on 12 October at 7:45."),
		ana("m6", "2024-10-10", "My mother Annet was born on 9 April 1955."),
		ana("m7", "2024-11-02", "The wifi password at home is tulip-42, and Ruth's number is +351 912 345 678."),
	}}
}

// named is one of the default specialists.
func named(name string) specialists.Specialist {
	all := specialists.Default()
	return all[slices.IndexFunc(all, func(s specialists.Specialist) bool { return s.Name() == name })]
}

func examine(t *testing.T, s specialists.Specialist, task *specialists.Task, text string) specialists.Finding {
	t.Helper()
	f, err := s.Examine(context.Background(), task, specialists.Draft{Text: text})
	if err != nil {
		t.Fatalf("%s: %v", s.Name(), err)
	}
	return f
}

// after is the draft as a specialist leaves it.
func after(t *testing.T, s specialists.Specialist, task *specialists.Task, text string) string {
	t.Helper()
	if f := examine(t, s, task, text); f.Text != "" {
		return f.Text
	}
	return text
}

func ExampleDefault() {
	at := time.Date(2024, 1, 8, 9, 0, 0, 0, time.UTC)
	task := &specialists.Task{
		Question: "Where does Ruth live?",
		Evidence: []memory.Record{{ID: "m1", Role: "user", Speaker: "Ana", Text: "My sister Ruth moved to Lisbon.", Created: at}},
		Now:      at.AddDate(0, 3, 0),
	}
	draft := specialists.Draft{Text: "Ruth lives in Lisbon. She has a dog. Her key is sk-abcdefghijklmnopqrstuvwx."}
	for _, s := range specialists.Default() {
		finding, err := s.Examine(context.Background(), task, draft)
		if err != nil {
			fmt.Println(s.Name(), "is skipped:", err)
			continue
		}
		for _, n := range finding.Notes {
			fmt.Printf("%s: %s: %s\n", s.Name(), n.Kind, n.Why)
		}
		draft.Notes = append(draft.Notes, finding.Notes...)
		if finding.Text != "" {
			draft.Text = finding.Text
		}
	}
	fmt.Println(draft.Text)
	// Output:
	// grounding: unknown: no memory says so
	// grounding: unknown: no memory says so
	// citation: cited: the memory that says so is named
	// Ruth lives in Lisbon [1].
}

func TestRevisions(t *testing.T) {
	grounding, contradiction, citation, redundancy := named("grounding"), named("contradiction"), named("citation"), named("redundancy")
	for _, c := range []struct {
		s                   specialists.Specialist
		question, in, after string
	}{
		{grounding, "Where does Ruth live?", "Ruth lives in Lisbon. She has three cats.", "Ruth lives in Lisbon."},
		{grounding, "Where does Ruth live?", "Ruth lives in Lisbon.", "Ruth lives in Lisbon."},
		{grounding, "Where does Zoe live?", "Zoe lives in Rome.", "I do not know: no memory says so."},
		{grounding, "Where does Ruth live?", "- Ruth lives in Lisbon.\n- Ruth has a boat.\n- Ruth is a nurse.", "- Ruth lives in Lisbon.\n- Ruth is a nurse."},
		{contradiction, "Where does Ruth live?", "Ruth lives in Lisbon.", "Ruth lives in Lisbon."},
		{contradiction, "How much was my sofa?", "You paid 1,500 euros for the new sofa. A rug is cheaper.", "You paid 1,200 euros for the new sofa. A rug is cheaper."},
		{contradiction, "When do I fly?", "Your flight to Oslo is on 13 October at 7:45.", "Your flight to Oslo is on 12 October at 7:45."},
		{contradiction, "When do I fly?", "Your flight to Oslo is on 12 October at 8:45.", "Your flight to Oslo is on 12 October at 7:45."},

		{citation, "Where does Ruth live?", "Ruth lives in Lisbon.", "Ruth lives in Lisbon [1]."},
		{citation, "Where does Ruth live?", "Ruth lives in Lisbon [4].", "Ruth lives in Lisbon [1]."},
		{citation, "Where does Ruth live?", "Ruth lives in Lisbon. [9]", "Ruth lives in Lisbon [1]."},
		{citation, "Where does Ruth live?", "Ruth lives in Lisbon [1].", "Ruth lives in Lisbon [1]."},
		{citation, "Where does Ruth live?", "I do not know [1].", "I do not know."},

		{redundancy, "Ruth?", "Ruth lives in Lisbon. Her flat is small. Ruth lived in Lisbon.", "Ruth lives in Lisbon. Her flat is small."},
		{redundancy, "Ruth?", "Ruth paid 10 euros for lunch. Ruth paid 12 euros for lunch.", "Ruth paid 10 euros for lunch. Ruth paid 12 euros for lunch."},
		{redundancy, "Ruth?", "Ruth likes fish soup. Ruth does not like fish soup.", "Ruth likes fish soup. Ruth does not like fish soup."},
		{redundancy, "Ruth?", "- Ruth lives in Lisbon.\n- Ruth lives in Lisbon. [1]\n- Tom is tall.", "- Ruth lives in Lisbon.\n- Tom is tall."},
	} {
		task := anaTask(c.question)
		if got := after(t, c.s, task, c.in); got != c.after {
			t.Errorf("%s of %q:\n got %q\nwant %q", c.s.Name(), c.in, got, c.after)
		}
	}
}

func TestPrivacy(t *testing.T) {
	task := anaTask("What is the wifi password? My card is 4539 1488 0343 6467.")
	for _, c := range []struct{ in, want string }{
		{"The key is sk-abcdefghijklmnop1234.", "The key is [API key removed]."},
		{"Use AKIAIOSFODNN7EXAMPLE now", "Use [API key removed] now"},
		{"ghp_0123456789abcdefghij0123456789", "[API key removed]"},
		{"Bearer abcdefghijklmnop.qrst", "Bearer [token removed]"},
		{"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmN", "[token removed]"},
		{"The wifi password is tulip-42.", "The wifi password is tulip-42."}, // a memory of this scope
		{"The bank password is hunter2.", "The bank password is [password removed]."},
		{"The password is wrong.", "The password is wrong."},
		{"Her PIN is 4711.", "Her PIN is [password removed]."},
		{"Your card is 4539148803436467.", "Your card is 4539148803436467."}, // the question has it
		{"His card is 4111 1111 1111 1111.", "His card is [card number removed]."},
		{"Order 4111 1111 1111 1112 came.", "Order 4111 1111 1111 1112 came."}, // no card by its check digit
		{"Pay to DE89 3704 0044 0532 0130 00.", "Pay to [IBAN removed]."},
		{"Pay to DE88 3704 1144 1532 1130 11.", "Pay to DE88 3704 1144 1532 1130 11."},
		{"Write to bob@example.com.", "Write to [email address removed]."},
		{"Ruth's number is +351 912345678.", "Ruth's number is +351 912345678."},
		{"Tom's number is +44 20 7946 0958.", "Tom's number is [phone number removed]."},
		{"He lives at 12 Sharrow Vale Lane.", "He lives at [address removed]."},
		{"Sie wohnt in der Lindenstraße 12.", "Sie wohnt in der [address removed]."},
		{"-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----", "[private key removed]"},
		{"postgres://bob:s3cret@db.example/x", "postgres://bob:[password removed]@db.example/x"},
		{"On 12 October 2024 at 7:45, for 1,200 euros.", "On 12 October 2024 at 7:45, for 1,200 euros."},
		{"The ISBN is 978-3-16-148410-0.", "The ISBN is 978-3-16-148410-0."},
	} {
		if got := after(t, named("privacy"), task, c.in); got != c.want {
			t.Errorf("%q becomes %q, want %q", c.in, got, c.want)
		}
	}
}

// TestPrivacyOfScopes holds that what another scope's memory says does not leave, in its words or in others, and that
// such a memory is no evidence.
func TestPrivacyOfScopes(t *testing.T) {
	task := anaTask("Where does Ruth live?")
	task.Scope = memory.Scope{Tenant: "t", User: "ana"}
	for i := range task.Evidence {
		task.Evidence[i].Scope = task.Scope
	}
	foreign := ana("f1", "2024-03-03", "My brother Paulo earns 90,000 euros at Airbus.")
	foreign.Speaker, foreign.Scope = "Carla", memory.Scope{Tenant: "t", User: "carla"}
	secret := ana("f2", "2024-03-03", "The door code is 7788.")
	secret.Scope = foreign.Scope
	task.Evidence = append(task.Evidence, foreign, secret)
	for _, leak := range []string{"My brother Paulo earns 90,000 euros at Airbus.", "Paulo earns 90,000 euros.", "The door code is 7788.", "Carla's brother Paulo earns 90,000 euros at Airbus."} {
		if got := after(t, named("privacy"), task, "Ruth lives in Lisbon. "+leak); got != "Ruth lives in Lisbon." {
			t.Errorf("%q leaves as %q", leak, got)
		}
		for _, c := range specialists.Ground(task, leak) {
			if c.Support == specialists.Supported {
				t.Errorf("%q is supported by another's memory: %+v", leak, c)
			}
		}
	}
}

func TestDecompose(t *testing.T) {
	for _, c := range []struct {
		question string
		draft    specialists.Draft
		want     []string
	}{
		{"Does Zoe know Ruth?", specialists.Draft{}, []string{"Who or what is Zoe?"}},
		{"When do I fly? Where does Ruth live?", specialists.Draft{}, []string{"When do I fly?", "Where does Ruth live?"}},
		{"Where does Ruth live?", specialists.Draft{Notes: []specialists.Note{{Kind: "unknown", Claim: "Ruth has a dog."}}}, []string{"Ruth has a dog"}},
		{"Where does Ruth live?", specialists.Draft{}, nil},
	} {
		f, err := named("decompose").Examine(context.Background(), anaTask(c.question), c.draft)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, f.Recall); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.question, diff)
		}
		if f.Text != "" {
			t.Errorf("it revised the draft: %q", f.Text)
		}
	}
}
