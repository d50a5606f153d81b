package models_test

import (
	"io/fs"
	"testing"

	"github.com/trm-go/refiner/trmcore/models"
	"github.com/trm-go/refiner/trmcore/onnx"
)

// TestBundledModelsLoad loads every bundled model, which checks its weights against its card, hash included.
func TestBundledModelsLoad(t *testing.T) {
	for _, name := range models.Names() {
		m, err := onnx.LoadFS(models.FS(), name, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if m.Card.Task == "" || m.Card.Licence == "" || m.Card.SHA256 == "" || m.Card.Metrics == nil {
			t.Errorf("%s: the card lacks a task, a licence, a hash or metrics", name)
		}
		info, err := fs.Stat(models.FS(), name+"/"+onnx.WeightsFile)
		if err != nil {
			t.Fatal(err)
		}
		if limit := int64(12_000_000); info.Size() > limit {
			t.Errorf("%s: %d bytes of weights, at most %d may be bundled", name, info.Size(), limit)
		}
	}
	if t.Failed() || len(models.Names()) > 0 {
		return
	}
	t.Skip("this build bundles no weights")
}
