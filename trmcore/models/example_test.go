package models_test

import (
	"fmt"

	"github.com/trm-go/refiner/trmcore/models"
	"github.com/trm-go/refiner/trmcore/onnx"
)

// Every bundled model loads from the file system of the package, and says what it is for.
func Example() {
	for _, name := range models.Names() {
		m, err := onnx.LoadFS(models.FS(), name, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		if m.Card.Task == "" {
			fmt.Println(name, "does not say what it is for")
		}
	}
	fmt.Println("done")
	// Output: done
}
