package batch_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trm-go/refiner/internal/batch"
)

func Example() {
	written := batch.New(1024, 0, func(texts []string) {
		for _, text := range texts {
			fmt.Println("wrote", text)
		}
	})
	written.Put("the question")
	written.Put("the answer")
	written.Wait()
	// Output:
	// wrote the question
	// wrote the answer
}

// All that is put by many is done, once, and what one of them puts stays in its order.
func TestNothingIsLost(t *testing.T) {
	const writers, each = 8, 200
	var got []int // do is called once at a time
	q := batch.New(16, 0, func(list []int) { got = append(got, list...) })
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				q.Put(w*each + i)
			}
		})
	}
	all.Wait()
	q.Wait()
	of := map[int][]int{}
	for _, x := range got {
		of[x/each] = append(of[x/each], x)
	}
	for w := range writers {
		if list := of[w]; len(list) != each || !slices.IsSorted(list) {
			t.Errorf("writer %d: %d of %d, in order: %v", w, len(list), each, slices.IsSorted(list))
		}
	}
	if q.Len() != 0 {
		t.Errorf("%d wait", q.Len())
	}
}

// What comes within the linger is handed over together; whoever waits for it does not wait for the linger.
func TestLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var sizes []int
		q := batch.New(100, time.Second, func(list []int) { sizes = append(sizes, len(list)) })
		for i := range 5 {
			q.Put(i)
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		q.Put(6)
		synctest.Wait()
		if n := q.Len(); n != 1 {
			t.Errorf("%d wait, want 1", n)
		}
		q.Wait()
		q.Put(7)
		q.Wait() // a hurry from before ends no later linger for good
		if !slices.Equal(sizes, []int{5, 1, 1}) {
			t.Errorf("handed over %v", sizes)
		}
		if took := time.Since(start); took != 1500*time.Millisecond {
			t.Errorf("it took %s", took)
		}
	})
}

// A queue that is full refuses what is offered, and makes room for what is put without lingering.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := 0
		q := batch.New(2, time.Hour, func(list []int) { done += len(list) })
		q.Put(1)
		synctest.Wait()
		if !q.Offer(2) || q.Offer(3) {
			t.Error("it takes one too few or too many")
		}
		start := time.Now()
		q.Put(3)
		q.Wait()
		if done != 3 || time.Since(start) != 0 {
			t.Errorf("%d done after %s", done, time.Since(start))
		}
	})
}
