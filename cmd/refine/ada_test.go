package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/integration/ada"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
)

func TestAdaImport(t *testing.T) {
	c := config.Default()
	c.Store.Path, c.Scope.User = filepath.Join(t.TempDir(), "ada.db"), "luna"
	source, err := integration.New(t.Context(), c, &integration.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	if _, err := source.Remember(t.Context(), source.Scope, memory.Record{Scope: memory.Scope{Session: "c"}, Role: "user", Text: "I like green tea.", Created: time.Now()},
		memory.Record{Kind: memory.KindFact, Text: "Luna lives in Graz.", Importance: 1, Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(ada.Handler(source, memory.Scope{}, nil))
	defer web.Close()

	store := filepath.Join(t.TempDir(), "store.db")
	command := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := run(t.Context(), &ui.Terminal{In: strings.NewReader(""), Out: &out, Err: &errs}, append(args, "--store", store, "--user", "luna"))
		return code, out.String(), errs.String()
	}
	if code, _, errs := command("ada", "import", web.URL); code != ui.ExitNoStore {
		t.Errorf("without a store: exit code %d, %s", code, errs)
	}
	if code, _, errs := command("init"); code != ui.ExitOK {
		t.Fatal(errs)
	}
	for _, want := range []struct{ Added, Known int }{{2, 0}, {0, 2}} {
		code, out, errs := command("ada", "import", web.URL, "--json")
		var got struct{ Added, Known int }
		if err := json.Unmarshal([]byte(out), &got); err != nil || code != ui.ExitOK || got != want {
			t.Errorf("exit code %d, %s%s; want %+v", code, out, errs, want)
		}
	}
	if code, out, _ := command("search", "Where does Luna live?", "--limit", "1", "--json"); code != ui.ExitOK || !strings.Contains(out, `"importance": 1,`) && !strings.Contains(out, `"importance":1,`) {
		t.Errorf("the memory is %s", out)
	}
	t.Setenv("ADA_BASE_URL", "ftp://ada")
	if code, _, errs := command("ada", "import"); code != ui.ExitError || !strings.Contains(errs, "http://localhost:7000") {
		t.Errorf("a wrong address: exit code %d, %s", code, errs)
	}
	web.Close()
	if code, _, errs := command("ada", "import", web.URL); code != ui.ExitError || !strings.Contains(errs, "cannot reach it") {
		t.Errorf("no Ada: exit code %d, %s", code, errs)
	}
}
