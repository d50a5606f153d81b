package transcript

import (
	"fmt"
	"slices"
)

// node is one message of a conversation, which may be a tree: an edited question or a second try of an answer is a branch.
type node struct {
	id, parent string
	value      value
	turn       turn
	keep       bool  // a person saw it
	err        error // what is wrong with it
}

// thread returns the messages that were last on screen, from the first to the last: the path up from the current message.
// Where that is not named, or is not there, it is the path from the latest message that has no answer. Exports leave links
// out, so the walk uses parents alone, and a parent that is not there is above the first message.
func thread(nodes []node, current string) ([]node, error) {
	index := make(map[string]int, len(nodes))
	answered := make(map[string]bool, len(nodes))
	for i, n := range nodes {
		index[n.id] = i
		answered[n.parent] = true
	}
	at, ok := index[current]
	if !ok {
		at = -1
		for i, n := range nodes {
			if !answered[n.id] && (at < 0 || !n.turn.created.Before(nodes[at].turn.created)) {
				at = i
			}
		}
		if at < 0 && len(nodes) > 0 {
			return nil, fmt.Errorf("the messages go round in a circle at %.60q", nodes[0].id)
		}
	}
	var path []node
	for at >= 0 {
		if len(path) == len(nodes) {
			return nil, fmt.Errorf("the messages go round in a circle at %.60q", nodes[at].id)
		}
		path = append(path, nodes[at])
		parent, ok := index[nodes[at].parent]
		if !ok {
			break
		}
		at = parent
	}
	slices.Reverse(path)
	return path, nil
}
