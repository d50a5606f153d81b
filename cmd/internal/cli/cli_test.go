package cli

import (
	"bytes"
	"errors"
	"testing"

	"github.com/trm-go/refiner/internal/ui"
)

func TestTalk(t *testing.T) {
	var said bytes.Buffer
	log := Talk(&ui.Terminal{Err: &said})
	log.Debug("unseen")
	log.Info("fetching a library", "package", "runtime@1.2")
	log.Warn("no client")
	if got, want := said.String(), "fetching a library: runtime@1.2\nno client\n"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}

func TestPlain(t *testing.T) {
	for cobra, want := range map[string]string{
		"accepts 1 arg(s), received 0":                                                                        "accepts 1 argument, received 0",
		"requires at least 2 arg(s), only received 1":                                                         "requires at least 2 arguments, only received 1",
		"at least one of the flags in the group [id all] is required":                                         "one of these is needed: --id, --all",
		"if any flags in the group [full quick] are set none of the others can be; [full quick] were all set": "--full and --quick do not go together",
		"something else": "something else",
	} {
		if got := plain(errors.New(cobra)); got != want {
			t.Errorf("%q reads %q, want %q", cobra, got, want)
		}
	}
}
