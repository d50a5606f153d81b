package settings_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/trm-go/refiner/config/settings"
)

func ExampleLoad() {
	dir, err := os.MkdirTemp("", "config")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "refine.yaml")
	if err := os.WriteFile(file, []byte("recall:\n  limit: 20\n  preset: ada\n"), 0o600); err != nil {
		panic(err)
	}
	loaded, err := settings.Load(&settings.Options{
		File:  file,
		Flags: []settings.Flag{{Name: "limit", Key: "recall.limit", Value: 5}},
	})
	if err != nil {
		panic(err)
	}
	for _, v := range loaded.Values {
		if v.Key == "recall.limit" || v.Key == "recall.preset" {
			fmt.Println(v.Key, v.Value, "from", filepath.Base(v.Origin))
		}
	}
	// Output:
	// recall.limit 5 from --limit
	// recall.preset ada from refine.yaml
}
