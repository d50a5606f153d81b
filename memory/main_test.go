package memory

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if what := os.Getenv(role); what != "" {
		if err := play(what); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if benchDir != "" {
		_ = os.RemoveAll(benchDir)
	}
	os.Exit(code)
}
