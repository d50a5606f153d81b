package text_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/internal/text"
)

// A Thursday.
var thursday = time.Date(2026, 9, 17, 10, 0, 0, 0, time.UTC)

func TestDates(t *testing.T) {
	for _, c := range []struct{ in, want string }{ // each date and what it means; ? if it is not sure
		{"I met her yesterday.", "yesterday: 16 September 2026"},
		{"Yesterday's build failed.", "Yesterday: 16 September 2026"},
		{"We came back the day before yesterday.", "the day before yesterday: 15 September 2026"},
		{"It arrives the day after tomorrow.", "the day after tomorrow: 19 September 2026"},
		{"See you tomorrow night.", "tomorrow: 18 September 2026"},
		{"I slept badly last night.", "last night: 16 September 2026"},
		{"The call is this afternoon.", "this afternoon: 17 September 2026"},
		{"I fly to Oslo in three days.", "in three days: 20 September 2026"},
		{"We'll be there in 2 weeks.", "in 2 weeks: the week of 28 September 2026"},
		{"The lease ends in a month.", "in a month: October 2026"},
		{"I wrote the whole book in three days when I was young.", ""},
		{"It was finished in two weeks.", ""},
		{"Three weeks from now I retire.", "Three weeks from now: the week of 5 October 2026"},
		{"I saw him three days ago.", "three days ago: 14 September 2026"},
		{"A couple of weeks ago it rained.", "A couple of weeks ago: the week of 31 August 2026"},
		{"A fortnight ago it rained.", "A fortnight ago: the week of 31 August 2026"},
		{"I quit half a year ago.", "half a year ago: March 2026"},
		{"He died two years ago.", "two years ago: 2024"},
		{"I moved over two years ago.", "two years ago: 2024?"},
		{"A few days ago I fell.", ""},
		{"Several weeks ago I fell.", ""},
		{"We moved it to 7 December, a week earlier.", "7 December: 7 December 2026"},
		{"He came two days later.", ""},
		{"She called the next day.", ""},
		{"I've been vegetarian since January.", "January: January 2026"},
		{"I've lived here since November.", "November: November 2025"},
		{"I'm on leave until March.", "March: March 2027"},
		{"I will start in February.", "February: February 2027"},
		{"I started the job in October.", "October: October 2025?"},
		{"The trip is in October.", "October: October 2026"},
		{"We met in May.", "May: May 2026"},
		{"It is in March or so.", "March: March 2026?"},
		{"I may go, they march on.", ""},
		{"My birthday is on 12 October.", "12 October: 12 October 2026"},
		{"The exam is on May 21st, 2027.", "May 21st, 2027: 21 May 2027"},
		{"It opened on the 7th of May 2023.", "7th of May 2023: 7 May 2023"},
		{"It runs from 2026-11-05.", "2026-11-05: 5 November 2026"},
		{"It was on 03/05/2024.", ""},
		{"It was on 25/12/2024.", "25/12/2024: 25 December 2024"},
		{"It was on 12/25/2024.", "12/25/2024: 25 December 2024"},
		{"It was on 2024/05/03.", "2024/05/03: 3 May 2024"},
		{"We got 3/5 of it.", ""},
		{"Der Termin ist am 05.11.2026.", "05.11.2026: 5 November 2026"},
		{"I sold it in 2019.", "2019: 2019"},
		{"It has 2019 rows.", "2019: 2019?"},
		{"There are 2,019 rows.", ""},
		{"Last week I was ill.", "Last week: the week of 7 September 2026"},
		{"In the last week I was ill.", "last week: the week of 7 September 2026?"},
		{"The week before last I was ill.", "The week before last: the week of 31 August 2026"},
		{"Next month we paint.", "Next month: October 2026"},
		{"Last weekend we hiked.", "Last weekend: the weekend of 12 September 2026"},
		{"This weekend we hike.", "This weekend: the weekend of 19 September 2026"},
		{"Last year was hard.", "Last year: 2025"},
		{"Last Friday I saw it.", "Last Friday: 11 September 2026"},
		{"Last Tuesday I saw it.", "Last Tuesday: 15 September 2026?"},
		{"Next Monday we begin.", "Next Monday: 21 September 2026"},
		{"Next Saturday we begin.", "Next Saturday: 19 September 2026?"},
		{"On Friday we begin.", ""},
		{"Tuesday next week is free.", "Tuesday next week: 22 September 2026"},
		{"It was on Friday of last week.", "Friday of last week: 11 September 2026"},
		{"Rent is due on the 5th of next month.", "5th of next month: 5 October 2026"},
		{"Last May we were in Rome.", "May: May 2026"},
		{"It ends next January.", "January: January 2027"},
		{"Ich war gestern beim Arzt.", "gestern: 16 September 2026"},
		{"Vor drei Tagen war ich dort.", "Vor drei Tagen: 14 September 2026"},
		{"Die Prüfung ist am 12. Dezember.", "12. Dezember: 12 December 2026"},
		{"Der Arzt wohnt hier.", ""},
		{"La boda es el 19 de septiembre.", "19 de septiembre: 19 September 2026"},
		{"Ayer fui al médico, hace dos semanas también.", "Ayer: 16 September 2026 | hace dos semanas: the week of 31 August 2026"},
		{"La semaine dernière j'étais malade.", "La semaine dernière: the week of 7 September 2026"},
		{"我昨天去了医院。", "昨天: 16 September 2026"},
		{"母の誕生日は10月12日です。", "10月12日: 12 October 2026"},
		{"Yesterday we set it for 8:15, room 5.", "Yesterday: 16 September 2026"},
	} {
		var got []string
		for _, d := range text.Dates(c.in, thursday) {
			s := fmt.Sprintf("%s: %s", c.in[d.Start:d.End], d)
			if !d.Sure {
				s += "?"
			}
			got = append(got, s)
		}
		if s := strings.Join(got, " | "); s != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.in, s, c.want)
		}
	}
}

func TestDatesAreReadInTheirZone(t *testing.T) {
	tokyo := time.FixedZone("JST", 9*60*60)
	late := time.Date(2026, 9, 16, 20, 0, 0, 0, time.UTC) // the 17th in Tokyo
	for at, want := range map[time.Time]string{late: "15 September 2026", late.In(tokyo): "16 September 2026"} {
		if d := text.Dates("It broke yesterday.", at); len(d) != 1 || d[0].String() != want {
			t.Errorf("at %s: %v, want %s", at, d, want)
		}
	}
}

func TestExplain(t *testing.T) {
	const said = "p99 is 94 ms since yesterday, it was 180 last week. On Friday and on 7 May 2025 nothing."
	if got, want := text.Explain(said, thursday), "yesterday: 16 September 2026; last week: the week of 7 September 2026"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := text.Explain("Nothing, or a week earlier.", thursday); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestWindow(t *testing.T) {
	for question, want := range map[string]string{
		"What happened yesterday?":                  "2026-09-16 2026-09-17",
		"What did I decide last week?":              "2026-09-07 2026-09-14",
		"What did I buy last month?":                "2026-08-01 2026-09-01",
		"What did I do in October?":                 "2025-10-01 2025-11-01",
		"What did I do in May?":                     "2026-05-01 2026-06-01",
		"What did I say three days ago?":            "2026-09-14 2026-09-15",
		"What did I say two weeks ago?":             "2026-08-31 2026-09-07",
		"What did we discuss on Monday?":            "2026-09-14 2026-09-15",
		"What has changed since Monday?":            "2026-09-14 2026-09-18",
		"What did I do on 3 September?":             "2026-09-03 2026-09-04",
		"What did I earn in 2025?":                  "2025-01-01 2026-01-01",
		"What did I like before 2024?":              "0001-01-01 2024-01-01",
		"What is on tomorrow?":                      "",
		"Where do I live?":                          "",
		"Was it last week or three weeks ago?":      "",
		"Was habe ich gestern gesagt?":              "2026-09-16 2026-09-17",
		"¿Qué compré el mes pasado?":                "2026-08-01 2026-09-01",
		"我昨天说了什么？":                                  "2026-09-16 2026-09-17",
		"What did I say this week about the tiles?": "2026-09-14 2026-09-21",
	} {
		since, until, ok := text.Window(question, thursday)
		got := ""
		if ok {
			got = since.Format(time.DateOnly) + " " + until.Format(time.DateOnly)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", question, got, want)
		}
	}
}

func FuzzDates(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, s string) {
		last := 0
		for _, d := range text.Dates(s, thursday) {
			if d.Start < last || d.End <= d.Start || d.End > len(s) || !d.From.Before(d.To) || d.String() == "" {
				t.Errorf("%q: %+v", s, d)
			}
			last = d.Start
		}
		if diff := cmp.Diff(text.Explain(s, thursday), text.Explain(s, thursday)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestValues(t *testing.T) {
	for in, want := range map[string]string{
		"It costs 1,190 euros, or 84k yen.":       "number 1190 € | number 84000 ¥",
		"Wir zahlen 1.190 € am 14. Dezember 2026": "number 1190 € | day 12-14 | number 2026",
		"On December 14th at 7:30 pm":             "day 12-14 | clock 7:30",
		"Le 14 décembre à 19h30":                  "day 12-14 | clock 7:30",
		"12月14日7时半":                               "day 12-14 | clock 7:30",
		"Due 2026-12-14, not 14.12.":              "day 12-14 | day 12-14",
		"Every Tuesday, three times in June":      "weekday 2 | number 3 time | month 6",
		"jeden Dienstag um 19.30 Uhr":             "weekday 2 | clock 7:30",
		"It was on 03/05/2024.":                   "number 3 | number 5 | number 2024",
		"I may go, they march on.":                "",
	} {
		var got []string
		for _, v := range text.Values(in) {
			got = append(got, strings.TrimSpace(fmt.Sprint(v.Kind, " ", v.Key, " ", v.Unit)))
		}
		if s := strings.Join(got, " | "); s != want {
			t.Errorf("%s\n got %s\nwant %s", in, s, want)
		}
	}
}
