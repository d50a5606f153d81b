package onnx

import (
	"encoding/json"
	"fmt"
)

// The names of the files in a model's directory.
const (
	WeightsFile = "model.safetensors"
	CardFile    = "card.json"
)

// Card is the model card: what the weights are, what they were trained on and what they reach. Fields that this package
// does not act upon may hold any JSON.
type Card struct {
	Name     string `json:"name"`
	Task     string `json:"task"` // "sudoku", "arc", "maze", or a name of one's own
	Arch     Arch   `json:"arch"`
	Params   int64  `json:"params,omitempty"`   // without the puzzle table
	Steps    int    `json:"steps,omitempty"`    // supervision steps that solving takes at most unless told otherwise; 0 is trmcore.DefaultSteps
	Retries  int    `json:"retries,omitempty"`  // likewise, the retries of an answer that the rules do not accept
	Data     any    `json:"data,omitempty"`     // what it was trained on
	Training any    `json:"training,omitempty"` // how
	Metrics  any    `json:"metrics,omitempty"`  // what it reaches, and how that was measured
	Licence  string `json:"licence,omitempty"`
	Note     string `json:"note,omitempty"`
	SHA256   string `json:"sha256,omitempty"` // of the weights' file
}

// ParseCard reads a card.json.
func ParseCard(text []byte) (Card, error) {
	var c Card
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("%w: the model card: %w", ErrFormat, err)
	}
	return c, nil
}
