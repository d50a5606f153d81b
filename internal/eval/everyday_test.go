package eval

import "testing"

func TestJudge(t *testing.T) {
	q := EverydayQuestion{Answer: []string{"31", "^yes"}, Wrong: []string{"12", "Kafka to NATS"}}
	unknown := EverydayQuestion{Wrong: []string{"Zurich"}, Unanswerable: true}
	for _, c := range []struct {
		q       *EverydayQuestion
		answer  string
		refused bool
		want    Verdict
	}{
		{&q, "Your locker is number 31.", false, Right},
		{&q, "**Yes**, it is.", false, Right},
		{&q, "I said yes.", false, Wrong},
		{&q, "Yesterday.", false, Wrong},
		{&q, "It is 131, or 310.", false, Wrong},
		{&q, "It was 12, and is 31 now.", false, Mixed},
		{&q, "31, before that 12.", false, Right},
		{&q, "It is 12.", false, Stale},
		{&q, "I do not find it. Nearest: 31.", true, Hedged},
		{&q, "I do not find it. Nearest: 12, 31.", true, Denied},
		{&unknown, "I do not know.", true, Right},
		{&unknown, "In Bern.", false, Invented},
		{&unknown, "I do not know. Zurich?", true, Invented},
	} {
		if got := c.q.Judge(c.answer, c.refused); got != c.want {
			t.Errorf("%q is %s, want %s", c.answer, got, c.want)
		}
	}
	// A right answer within a wrong string is not seen.
	inside := EverydayQuestion{Answer: []string{"Kafka"}, Wrong: []string{"from Kafka to NATS"}}
	if got := inside.Judge("We moved from Kafka to NATS.", false); got != Stale {
		t.Errorf("it is %s, want stale", got)
	}
}
