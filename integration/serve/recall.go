package serve

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"

	"github.com/trm-go/refiner/integration"
)

// recall writes the notes of a turn.
func (s *Server) recall(ctx context.Context, t *integration.Turn) error {
	ctx, span := s.tracer.Start(ctx, "recall")
	defer span.End()
	start := time.Now()
	select { // more at once than there are cores would only take longer, and more memory
	case s.recalls <- struct{}{}:
		defer func() { <-s.recalls }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := t.Recall(ctx); err != nil {
		span.SetStatus(codes.Error, err.Error())
		return err
	}
	span.SetAttributes(attribute.Int("refine.memories", len(t.Memories)), attribute.Int("refine.memory_tokens", t.Tokens),
		attribute.Int("refine.steps", t.Certificate.Steps), attribute.String("refine.stop", string(t.Certificate.Stop)))
	s.metrics.recall.Observe(time.Since(start).Seconds())
	return nil
}

// exchanges counts the chats under way, which may still have a turn to be written.
type exchanges struct {
	mu    sync.Mutex
	over  sync.Cond // a chat is
	count int
}

// begin says that a chat is under way; what it returns, that it is over.
func (t *exchanges) begin() (end func()) {
	t.add(1)
	return func() { t.add(-1) }
}

func (t *exchanges) add(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count += n
	t.over.Broadcast()
}

// wait returns when no chat is under way.
func (t *exchanges) wait() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.count > 0 {
		t.over.Wait()
	}
}
