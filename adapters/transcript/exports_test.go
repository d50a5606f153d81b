package transcript

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/memory"
)

// TestExports reads a file of each format that people bring from elsewhere. Whatever nobody said holds the word "hidden".
func TestExports(t *testing.T) {
	tests := []struct {
		file   string
		format Format
		want   []string
		notes  []string
	}{
		{file: "claude.json", format: "claude", want: []string{
			"c1#0 user/ 2026-02-03T18:00 My starter is called Bertha.\n\nFeed it at nine.\n[file]",
			"c1#1 assistant/ 2026-02-03T18:00 Hello Bertha.",
		}, notes: []string{`claude.json:5: nothing to remember: "c2" has 1 messages, and none is a text that a person or the assistant wrote`}},
		{file: "claude-code.jsonl", format: "claude-code", want: []string{
			"cc#0 user/ 2026-02-03T10:00 Tests live beside the code here.",
			"cc#1 assistant/ 2026-02-03T10:00 Beside the code, understood.",
		}},
		{file: "chatgpt-links.json", format: "chatgpt", want: []string{
			"g1#0 user/ 2026-02-13T16:26 The tent is in the attic.",
			"g1#1 assistant/ 2026-02-13T16:26 Good to know.",
			"g2#0 user/ 2026-02-13T16:26 The stove is at Ida's.",
			"g2#1 assistant/ 2026-02-13T16:26 At Ida's, noted.",
		}, notes: []string{`chatgpt-links.json:9: nothing to remember: "g3" has 1 messages, and none is a text that a person or the assistant wrote`}},
		{file: "openwebui.json", format: "openwebui", want: []string{
			"ow#0 user/ 2026-02-03T09:00 My queen is marked blue.",
			"ow#1 assistant/ 2026-02-03T09:00 Blue, noted.",
		}},
		{file: "librechat.json", format: "librechat", want: []string{
			"lc#0 user/ 2026-02-03T10:00 Our hens lay six eggs a day.",
			"lc#1 assistant/ 2026-02-03T10:00 Six, noted.",
		}},
		{file: "gemini.json", format: "gemini", want: []string{
			"gemini/2026-03-02#0 user/ 2026-03-02T09:15 When is the ferry?",
			"gemini/2026-03-02#1 assistant/ 2026-03-02T09:15 At 7:25 & at noon.\nPier 2",
		}},
		{file: "sharegpt.json", format: "sharegpt", want: []string{
			"sg#0 user/ 2024-01-02T03:04 My tortoise is 61.",
			"sg#1 assistant/ 2024-01-02T03:04 A long life.",
		}},
		{file: "discord.json", format: "discord", want: []string{
			"Direct Messages/noor/2026-02-03#0 user/Noor 2026-02-03T21:30 The rental closes at 18:30.\n[file]",
			"Direct Messages/noor/2026-02-04#0 assistant/Clock 2026-02-03T22:10 Reminder set.",
		}},
		{file: "telegram.json", format: "telegram", want: []string{
			"Noor/2026-02-03#0 user/Noor 2026-02-03T09:01 The wifi password is otter-77 for guests",
			"Noor/2026-02-03#1 user/Raj 2026-02-03T09:02 Thanks!\n[image]",
			"Club/2026-02-04#0 user/Ida 2026-02-04T08:00 We meet at eight.",
		}},
		{file: "whatsapp.txt", format: whatsApp, want: []string{
			"whatsapp/2026-02-03#0 user/Noor 2026-02-03T21:34 [file]",
			"whatsapp/2026-02-03#1 user/Noor 2026-02-03T21:35 The spare key is under the blue pot.\nAnd the code is 4471",
			"whatsapp/2026-02-14#0 user/Raj 2026-02-14T00:05 ok: thanks",
		}},
		{file: "mem0.json", format: "mem0", want: []string{"mem0#0 user/ 2026-02-03T18:00 Noor is allergic to walnuts"}},
		{file: "zep.json", format: "zep", want: []string{"zep#0 user/ 2026-02-03T10:00 Noor works at the harbour"}},
		{file: "2026-02-03.md", format: markdown, want: []string{
			"2026-02-03#0 user/ 2026-01-05T00:00 Berth 12.",
			"2026-02-03#1 user/ 2026-01-05T00:00 # Engine\nOil every 100 hours.\n```\n# no heading\n```",
			"2026-02-03#2 user/ 2026-01-05T00:00 ## Sails\nTwo reefs.",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata/exports", tt.file))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := detect(tt.file, data); got != tt.format || err != nil {
				t.Errorf("Detect = %q, %v; want %q", got, err, tt.format)
			}
			got, notes := collect(t, bytes.NewReader(data), tt.file, nil)
			if diff := cmp.Diff(tt.want, lines(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(tt.notes, notes); diff != "" {
				t.Errorf("notes (-want +got)\n%s", diff)
			}
			keys := map[string]bool{}
			for _, r := range got {
				if r.Key == "" || keys[r.Key] || r.Validate() != nil {
					t.Errorf("key %q is empty or not unique, or the record is not valid: %v", r.Key, r.Validate())
				}
				keys[r.Key] = true
			}
			for n := range data { // whatever is cut off, it is an error or fewer records, and no panic
				if n%97 == 0 {
					for _, err := range Read(context.Background(), bytes.NewReader(data[:n]), tt.file, &Options{Format: tt.format}) {
						if e := (*Error)(nil); err != nil && !errors.As(err, &e) {
							t.Fatal(err)
						}
					}
				}
			}
		})
	}
}

func TestZones(t *testing.T) {
	for file, want := range map[string]string{"discord.json": "+02:00", "telegram.json": "+01:00", "mem0.json": "-08:00", "gemini.json": ""} {
		data, err := os.ReadFile(filepath.Join("testdata/exports", file))
		if err != nil {
			t.Fatal(err)
		}
		got, _ := collect(t, bytes.NewReader(data), file, nil)
		if got[0].Meta["zone"] != want {
			t.Errorf("%s: zone %q, want %q", file, got[0].Meta["zone"], want)
		}
	}
}

// TestDateOrder reads the beginnings of messages as phones in several countries write them.
func TestDateOrder(t *testing.T) {
	tests := []struct{ text, want string }{
		{"31.12.25, 18:30 - Ana: a\n01.01.26, 08:00 - Ana: b\n", "2025-12-31T18:30 2026-01-01T08:00"},
		{"12/31/25, 6:30 PM - Ana: a\n1/1/26, 8:00 AM - Ana: b\n", "2025-12-31T18:30 2026-01-01T08:00"},
		{"1/2/26, 6:30\u202fPM - Ana: a\n1/3/26, 8:00\u202fAM - Ana: b\n2/1/26, 8:00\u202fAM - Ana: c\n", "2026-01-02T18:30 2026-01-03T08:00 2026-02-01T08:00"},
		{"[2025-12-31, 18:30:05] Ana: a\n", "2025-12-31T18:30"},
		{"[31/12/2025 18.30.05] Ana: a\n", "2025-12-31T18:30"},
		{"3/4/26, 12:00 a. m. - Ana: a\n", "2026-04-03T00:00"},
	}
	for _, tt := range tests {
		var got []string
		records, problems := collect(t, strings.NewReader(tt.text), "chat.txt", nil)
		for _, r := range records {
			got = append(got, r.Created.Format("2006-01-02T15:04"))
		}
		if s := strings.Join(got, " "); s != tt.want || len(problems) > 0 {
			t.Errorf("%q: %s, want %s; %q", tt.text, s, tt.want, problems)
		}
	}
}

// readAll reads every file of an archive.
func readAll(t *testing.T, name string) (got, skipped []string) {
	t.Helper()
	a, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, f := range a.Files {
		for r, err := range f.Read(t.Context(), &Options{Created: epoch}, nil) {
			if err != nil {
				t.Error(err)
				continue
			}
			got = append(got, lines([]memory.Record{r})...)
		}
	}
	if a.Size <= 0 {
		t.Errorf("size %d", a.Size)
	}
	return got, a.Skipped
}

// TestArchives packs an export as it is downloaded: in a folder, a ZIP and gzip, with what goes with it.
func TestArchives(t *testing.T) {
	slack := []string{
		"general/2026-02-03#0 user/Noor 2026-02-03T09:01 @Raj Rao the deploy is at five, see the runbook (https://example.org/run) & #ops",
		"general/2026-02-03#1 user/Raj Rao 2026-02-03T09:02 ok",
	}
	got, skipped := readAll(t, "testdata/exports/slack")
	if diff := cmp.Diff(slack, got); diff != "" || len(skipped) != 1 || !strings.Contains(skipped[0], "channels.json") {
		t.Errorf("folder, skipped %q (-want +got)\n%s", skipped, diff)
	}
	packed := filepath.Join(t.TempDir(), "export.zip")
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, data := range map[string][]byte{
		"conversations.json": read(t, "testdata/exports/openwebui.json"), "message_feedback.json": []byte(`[{"id":"x","rating":"up","content":"hidden"}]`),
		"__MACOSX/conversations.json": []byte("x"), "picture.png": []byte("x"), "chat.html": []byte("<html>"),
	} {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, packed, b.Bytes())
	want := []string{"ow#0 user/ 2026-02-03T09:00 My queen is marked blue.", "ow#1 assistant/ 2026-02-03T09:00 Blue, noted."}
	got, skipped = readAll(t, packed)
	if diff := cmp.Diff(want, got); diff != "" || len(skipped) != 1 || !strings.Contains(skipped[0], "message_feedback.json") {
		t.Errorf("ZIP, skipped %q (-want +got)\n%s", skipped, diff)
	}
	b.Reset()
	g := gzip.NewWriter(&b)
	if _, err := g.Write(read(t, "testdata/exports/openwebui.json")); err != nil || g.Close() != nil {
		t.Fatal(err)
	}
	write(t, packed+".json.gz", b.Bytes())
	if got, _ = readAll(t, packed+".json.gz"); cmp.Diff(want, got) != "" {
		t.Errorf("gzip: %q", got)
	}
	empty := t.TempDir()
	write(t, filepath.Join(empty, "picture.png"), []byte("x"))
	if _, err := Open(empty); !errors.Is(err, ErrFormat) {
		t.Errorf("a folder without conversations: %v", err)
	}
	write(t, packed, []byte("PK\x03\x04 broken"))
	if _, err := Open(packed); !errors.Is(err, ErrSyntax) {
		t.Errorf("a broken ZIP: %v", err)
	}
	// A note that begins with the letters of a ZIP is a note.
	note := filepath.Join(t.TempDir(), "note.md")
	if err := os.WriteFile(note, []byte("PK is Peter Klein."), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := Open(note)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for r, err := range a.Files[0].Read(context.Background(), nil, nil) {
		if err != nil || r.Text != "PK is Peter Klein." {
			t.Errorf("%q, %v", r.Text, err)
		}
	}
}

// TestLargeExport streams one object that is larger than any single value may be.
func TestLargeExport(t *testing.T) {
	const message = `{"id":"1","type":"Default","timestamp":"2026-02-03T23:30:00Z","content":"a","author":{"name":"n"},"embeds":"`
	filler := strings.Repeat("x", 1<<20)
	parts := []io.Reader{strings.NewReader(`{"guild":{},"channel":{},"messages":[`)}
	n := maxValue>>20 + 8
	for i := range n {
		if i > 0 {
			parts = append(parts, strings.NewReader(","))
		}
		parts = append(parts, strings.NewReader(message), strings.NewReader(filler), strings.NewReader(`"}`))
	}
	parts = append(parts, strings.NewReader("]}"))
	got, problems := collect(t, io.MultiReader(parts...), "f", nil)
	if len(got) != n || len(problems) > 0 {
		t.Errorf("%d records, want %d; %q", len(got), n, problems)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestFormatsAreDocumented holds the table of docs/import-formats.md, which is written from the list of formats.
func TestFormatsAreDocumented(t *testing.T) {
	const name = "../../docs/import-formats.md"
	var want strings.Builder
	want.WriteString("| format | file |\n|---|---|\n")
	for _, f := range Formats() {
		fmt.Fprintf(&want, "| `%s` | %s |\n", f.Name, f.File)
	}
	text := string(read(t, name))
	before, rest, _ := strings.Cut(text, "<!-- formats -->\n")
	table, after, ok := strings.Cut(rest, "<!-- end -->")
	if !ok || table != want.String() {
		if *update && ok {
			write(t, name, []byte(before+"<!-- formats -->\n"+want.String()+"<!-- end -->"+after))
			return
		}
		t.Errorf("%s is out of date, write it anew with -update; want\n%s", name, want.String())
	}
}

var update = flag.Bool("update", false, "write the table of docs/import-formats.md anew")
