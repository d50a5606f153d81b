package importance

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
)

// Trees are gradient-boosted regression trees. Several models, trained alike but for their random numbers, are one after the
// other: a score is the sum over all trees.
type Trees struct {
	// Scale is how far below the best a score is that weighs 1/e of it.
	Scale float64
	roots []int32 // the first node of each tree; a leaf alone is ^(its number)
	nodes []node
	leaf  []float32
}

// node is an inner node. A child below 0 is the leaf ^child.
type node struct {
	threshold   float32
	value       float32 // what the tree says on average of those that come here
	left, right int32
	feature     uint8
}

//go:embed ranker.bin
var rankerFile []byte

// ranker is the embedded model; MODEL.md says what it was trained on and how good it is.
var ranker = sync.OnceValue(func() *Trees { return mustRead(rankerFile) })

func mustRead(b []byte) *Trees {
	t, err := ReadTrees(b, len(Names))
	if err != nil {
		panic("importance: the embedded ranker: " + err.Error()) // it is part of the program, and a test reads it
	}
	return t
}

// errTrees is returned for bytes that are no trees.
var errTrees = errors.New("not a file of trees")

// ReadTrees reads trees over a number of features, as bench/ranker/train.py writes them: "TRE1", the number of features
// and of trees (uint16), the scale (float32), and of each tree the number of its leaves (uint8), its inner nodes (feature uint8,
// threshold float32, left and right int8, value float32), and its leaves (float32), all little-endian.
func ReadTrees(b []byte, features int) (*Trees, error) {
	if len(b) < 12 || string(b[:4]) != "TRE1" {
		return nil, errTrees
	}
	le := binary.LittleEndian
	if n := int(le.Uint16(b[4:])); n != features {
		return nil, fmt.Errorf("%w of %d features: these read %d", errTrees, features, n)
	}
	count := int(le.Uint16(b[6:]))
	t := &Trees{Scale: float64(math.Float32frombits(le.Uint32(b[8:])))}
	if !(t.Scale > 0) {
		return nil, fmt.Errorf("%w: the scale is %v", errTrees, t.Scale)
	}
	b = b[12:]
	const inner = 11
	for range count {
		if len(b) == 0 || b[0] == 0 || len(b) < 1+int(b[0]-1)*inner+4*int(b[0]) {
			return nil, fmt.Errorf("%w: they end too soon", errTrees)
		}
		leaves, n, l := int(b[0]), int32(len(t.nodes)), int32(len(t.leaf))
		b = b[1:]
		child := func(x byte, parent int) (int32, error) {
			switch c := int(int8(x)); {
			case c < 0 && ^c < leaves:
				return ^(l + int32(^c)), nil
			case c > parent && c < leaves-1: // so that no tree is a circle
				return n + int32(c), nil
			}
			return 0, fmt.Errorf("%w: a node has no such child", errTrees)
		}
		t.roots = append(t.roots, n)
		if leaves == 1 {
			t.roots[len(t.roots)-1] = ^l
		}
		for i := range leaves - 1 {
			x := node{feature: b[0], threshold: math.Float32frombits(le.Uint32(b[1:])), value: math.Float32frombits(le.Uint32(b[7:]))}
			var err, err2 error
			x.left, err = child(b[5], i)
			x.right, err2 = child(b[6], i)
			if err := errors.Join(err, err2); err != nil {
				return nil, err
			}
			if int(x.feature) >= features {
				return nil, fmt.Errorf("%w: a node asks for feature %d of %d", errTrees, x.feature, features)
			}
			t.nodes = append(t.nodes, x)
			b = b[inner:]
		}
		for range leaves {
			t.leaf = append(t.leaf, math.Float32frombits(le.Uint32(b)))
			b = b[4:]
		}
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%w: %d bytes are left over", errTrees, len(b))
	}
	return t, nil
}

// Score is the sum of what all trees say of a row of features.
func (t *Trees) Score(row []float32) float64 {
	sum := 0.0
	for _, at := range t.roots {
		for at >= 0 {
			if x := &t.nodes[at]; row[x.feature] <= x.threshold {
				at = x.left
			} else {
				at = x.right
			}
		}
		sum += float64(t.leaf[^at])
	}
	return sum
}

// attribute adds to out, for each feature, how much its splits on the way of a row moved the score from what the trees
// say on average (Saabas 2014).
func (t *Trees) attribute(row []float32, out []float64) {
	value := func(at int32) float64 {
		if at < 0 {
			return float64(t.leaf[^at])
		}
		return float64(t.nodes[at].value)
	}
	for _, at := range t.roots {
		for at >= 0 {
			x := &t.nodes[at]
			next := x.right
			if row[x.feature] <= x.threshold {
				next = x.left
			}
			out[x.feature] += value(next) - value(at)
			at = next
		}
	}
}
