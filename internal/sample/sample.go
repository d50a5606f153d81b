// Package sample holds a conversation to try the memory with, and questions about it.
//
// Nora, who designs parks, writes to an assistant from September to May: 410 turns in 36 sessions. Her life moves on as
// lives do. She plans a surprise party and must move it, cancels a trip and books it again, changes her job, her town,
// her mind about coriander and the vinegar in a recipe; things are said twice, and corrected. It was written for this
// module and may be used like the rest of it.
//
// The questions name the turns that answer them, so that recall can be measured without any data from elsewhere.
package sample

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// Conversation is the conversation as JSON Lines, which adapters/transcript reads: id ("3:12": turn 12 of session 3),
// session (its date), time, role, speaker and text.
//
//go:embed sample.jsonl
var Conversation []byte

//go:embed sample_questions.json
var questions []byte

// Question is a question about the conversation.
type Question struct {
	Text     string   `json:"question"`
	Answer   string   `json:"answer"`
	Category string   `json:"category"` // single-hop, multi-hop, temporal, update or open-domain
	Evidence []string `json:"evidence"` // the ids of the turns that say it, also where the assistant repeats it at once
}

// Questions returns the questions.
func Questions() ([]Question, error) {
	var list []Question
	if err := json.Unmarshal(questions, &list); err != nil {
		return nil, fmt.Errorf("the questions of the sample: %w", err)
	}
	return list, nil
}
