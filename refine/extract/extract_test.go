package extract_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/extract"
	"github.com/trm-go/refiner/specialists"
)

var day = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// task asks a question of what a user said, a week apart.
func task(question string, said ...string) *specialists.Task {
	t := &specialists.Task{Question: question, Now: day.AddDate(1, 0, 0)}
	for i, s := range said {
		t.Evidence = append(t.Evidence, memory.Record{ID: memory.ID(fmt.Sprint(i)), Kind: memory.KindTurn, Role: "user", Text: s, Position: 0,
			Scope: memory.Scope{Session: fmt.Sprint(i)}, Created: day.AddDate(0, 0, 7*i), Origin: memory.Observed, Confidence: 1})
	}
	return t
}

func answer(t *specialists.Task) (extract.Answer, string) {
	a := extract.Read(t).Answer()
	return a, a.Text(t.Evidence, func(i int) int { return i + 1 })
}

// The later of two statements about the same thing is the answer, whatever it is worded like.
func TestThePresentValueIsQuoted(t *testing.T) {
	pairs := []struct{ question, old, now string }{
		{"Where do I live?", "I live in Turku.", "I moved to Oulu last month."},
		{"What is my locker number?", "My locker number is 118.", "I have a new locker number, 240."},
		{"How much do I weigh?", "I weigh 71 kg.", "Down to 68 kg today!"},
		{"How do I drink my tea?", "I drink my tea with sugar.", "I drink my tea without sugar now."},
		{"Which editor do I use?", "I use Emacs as my editor.", "I switched to Helix as my editor."},
		{"When is the dentist appointment?", "The dentist appointment is on June 3.", "The dentist appointment was moved to June 17."},
		{"How much does the room cost?", "The room costs 480 euros.", "They raised the room to 510 euros."},
		{"Who is my landlord?", "My landlord is Mr Petri.", "Mr Petri sold the house, my landlord is Ms Aho now."},
		{"What do I play on Fridays?", "I play badminton on Fridays.", "I gave up badminton and play squash on Fridays."},
		{"Which bank am I with?", "I am with the bank Norda.", "I left Norda, my bank is Savo now."},
	}
	right := 0
	for _, p := range pairs {
		task := task(p.question, p.old, p.now)
		if a, text := answer(task); len(a.Quotes) > 0 && a.Quotes[0].Record == 1 {
			right++
		} else {
			t.Logf("%s %.2f\n%s", p.question, a.Confidence, text)
		}
	}
	if right < 8 {
		t.Errorf("%d of %d lead with the present value", right, len(pairs))
	}
}

func TestQuotesAreVerbatim(t *testing.T) {
	said := "I've been vegan since January. Yesterday's build failed, and the demo is next Tuesday."
	task := task("Since when have I been vegan?", said)
	a, text := answer(task)
	for _, q := range a.Quotes {
		for _, part := range q.Parts {
			if !strings.Contains(said, part) {
				t.Errorf("quotes %q, which nobody said", part)
			}
		}
	}
	for rest := text; ; {
		_, after, ok := strings.Cut(rest, "“")
		if !ok {
			break
		}
		quote, tail, _ := strings.Cut(after, "”")
		if !strings.Contains(said, quote) {
			t.Errorf("quotation marks around %q", quote)
		}
		rest = tail
	}
}

func TestSmallWordsAndOtherLanguages(t *testing.T) {
	others := []string{"The garden needs water.", "We had soup for lunch.", "The train was late again."}
	for _, c := range []struct{ question, said string }{
		{"What is my name?", "My name is Alice."},
		{"How old am I?", "I am 43 years old."},
		{"Where am I from?", "I am from Ghana."},
		{"我的猫叫什么名字？", "我的猫叫小白。"},
		{"母の誕生日はいつですか？", "母の誕生日は10月12日です。"},
		{"¿Cómo se llama mi perro?", "Mi perro se llama Canela."},
		{"Wie heißt meine Zahnärztin?", "Meine Zahnärztin heißt Frau Lind."},
	} {
		a, text := answer(task(c.question, append([]string{c.said}, others...)...))
		if !a.Found || !strings.Contains(text, c.said) {
			t.Errorf("%s: confidence %.2f\n%s", c.question, a.Confidence, text)
		}
	}
}

func TestOnlyPeopleAreEvidence(t *testing.T) {
	for _, role := range []string{"assistant", "tool", "system"} {
		task := task("How much did the filling cost?", "The filling cost 300 euros.")
		task.Evidence[0].Role = role
		if a, text := answer(task); a.Found || strings.Contains(text, "300") {
			t.Errorf("%s: %s", role, text)
		}
	}
}

func TestRefusesOtherSubjects(t *testing.T) {
	for _, c := range []struct{ question, said string }{
		{"What is Svenja's salary?", "Priyanka's salary is 92k."},
		{"How much did the Lego police station cost?", "I promised him the castle, 64 euros."},
		{"What is my brother's name?", "The bakery opens at seven."},
	} {
		if a, text := answer(task(c.question, c.said, "We had soup for lunch.")); a.Found {
			t.Errorf("%s: %.2f\n%s", c.question, a.Confidence, text)
		}
	}
}

func TestALongTurn(t *testing.T) {
	var b strings.Builder
	for i := range 16000 {
		fmt.Fprintf(&b, "The council met in room %d and spoke of drains and roads. ", i)
		if i == 9000 {
			b.WriteString("The vault combination is 31-7-22, says Oskar. ")
		}
	}
	a, text := answer(task("What is the vault combination?", b.String(), "I like the mill."))
	if !a.Found || !strings.Contains(text, "31-7-22") || len(text) > 1000 {
		t.Errorf("%.2f %.300s", a.Confidence, text)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add("What is my name?", "My name is “Alice”. Yesterday?", "名前は何ですか")
	f.Add("", "", "…")
	f.Fuzz(func(t *testing.T, question, first, second string) {
		task := task(question, first, second)
		a := extract.Read(task).Answer()
		if !(a.Confidence >= 0 && a.Confidence <= 1) {
			t.Fatalf("confidence %v", a.Confidence)
		}
		for _, q := range a.Quotes {
			for _, s := range q.Parts {
				if !strings.Contains(task.Evidence[q.Record].Text, s) {
					t.Fatalf("quotes %q", s)
				}
			}
		}
		_ = a.Text(task.Evidence, func(i int) int { return i + 1 })
	})
}
