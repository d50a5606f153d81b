package integration_test

import (
	"os"
	"testing"
)

// TestMain keeps the models of whoever runs the tests out of them.
func TestMain(m *testing.M) {
	if err := os.Setenv("REFINE_MODELS", "testdata/no-models"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
