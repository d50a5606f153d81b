package bridge

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/adapters/ada"
	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/specialists"
)

// Ada is a plugin as an Ada's brain: mounted with [ada.Handler], it serves what talks to Ada without a change. The zero
// Scope is the plugin's. settings are those of an Ada's environment, from [ada.FromEnv]; nil, or weights that are all zero,
// keep the recall that is configured here.
func Ada(p *integration.Plugin, scope memory.Scope, settings *ada.Settings) ada.Backend {
	b := &adaBackend{plugin: p, scope: cmp.Or(scope, p.Scope), settings: ada.Settings{Turns: usualTurns, Remember: true}}
	if settings != nil {
		b.settings = *settings
	}
	if b.settings.Weights != (importance.Weights{}) {
		b.plugin = p.Tuned(func(o *refine.Options) {
			o.Weights, o.Thresholds = settings.Weights, settings.Thresholds
			o.Times = importance.Times{HalfLife: settings.HalfLife, Recovery: settings.Recovery}
		})
	}
	return b
}

// usualTurns is how many turns of a conversation stand before a question where no client sends them and no setting says.
const usualTurns = 10

// ImportAda takes in what an Ada remembers. full says that Ada listed as many memories as it lists at most, and may have
// more. Importing again adds only what is new.
func ImportAda(ctx context.Context, p *integration.Plugin, scope memory.Scope, client *ada.Client) (added memory.Added, full bool, err error) {
	added, err = p.Store.AddAll(ctx, cmp.Or(scope, p.Scope), client.Records(ctx, &full), nil)
	return added, full, err
}

// adaBackend is a plugin as an Ada.
type adaBackend struct {
	plugin   *integration.Plugin
	scope    memory.Scope
	settings ada.Settings
}

// Chat implements ada.Backend.
func (b *adaBackend) Chat(ctx context.Context, r ada.ChatRequest) iter.Seq2[ada.Event, error] {
	return func(yield func(ada.Event, error) bool) {
		c, err := b.begin(ctx, &r)
		if err != nil {
			yield(ada.Event{}, err)
			return
		}
		open := true
		emit := func(e ada.Event) bool {
			open = open && yield(e, nil)
			return open
		}
		var answer *integration.Answer
		for e, err := range c.turn.Ask(ctx, integration.Request{}) {
			if err != nil {
				yield(ada.Event{}, err)
				return
			}
			switch e.Type {
			case integration.EventMemories:
				c.recalled = time.Now()
			case integration.EventRound:
				c.round(e.Round, r.IncludeThinking, emit)
			case integration.EventToken:
				emit(ada.Event{Type: ada.Token, Content: e.Token})
			case integration.EventAnswer:
				answer = e.Answer
			}
			if !open {
				return
			}
		}
		if err := b.remember(ctx, c, &r, answer.Text); err != nil {
			yield(ada.Event{}, err)
			return
		}
		emit(ada.Event{Type: ada.Done, Summary: b.summary(c, &r, answer)})
	}
}

// adaChat is an exchange under way.
type adaChat struct {
	session         string
	turn            *integration.Turn
	begun, recalled time.Time
	specialists     []string // that found something
}

// begin reads the conversation: what the client sends of it, or else what is remembered.
func (b *adaBackend) begin(ctx context.Context, r *ada.ChatRequest) (*adaChat, error) {
	if r.SaveMemory {
		if err := b.plugin.Writes("save the memory"); err != nil {
			return nil, err
		}
	}
	c := &adaChat{session: cmp.Or(r.ConversationID, b.scope.Session, strings.ToLower(rand.Text())), begun: time.Now()}
	var messages []specialists.Message
	for _, m := range r.Before() {
		messages = append(messages, specialists.Message{Role: m.Role, Content: string(m.Content)})
	}
	o := &integration.TurnOptions{Scope: b.scope, Session: c.session, At: c.begun, Limit: r.MemoryK.Count(b.settings.Memories, ada.MaxMemories)}
	if r.UserTimestamp != "" {
		if at := ada.Time(r.UserTimestamp); at.Unix() > 0 {
			o.At = at
		}
	}
	if len(messages) == 0 && (r.ConversationID != "" || b.scope.Session != "") {
		turns, err := b.turns(ctx, c.session)
		if err != nil {
			return nil, err
		}
		if n := len(turns); n > 0 {
			o.Before = turns[n-1].Position + 1
		}
		for _, t := range turns[max(0, len(turns)-r.TurnsK.Count(b.settings.Turns, 1000)):] {
			messages = append(messages, specialists.Message{Role: t.Role, Content: t.Text})
			o.Before--
		}
	}
	var err error
	c.turn, err = b.plugin.Turn(append(messages, specialists.Message{Role: "user", Content: r.Question()}), o)
	return c, err
}

// turns are those of a conversation, in its order.
func (b *adaBackend) turns(ctx context.Context, session string) ([]memory.Record, error) {
	if b.scope.Session != "" && b.scope.Session != session {
		return nil, nil // another conversation is out of the scope
	}
	within := b.scope
	within.Session = session
	var turns []memory.Record
	for r, err := range b.plugin.Store.All(ctx, within, nil) {
		if err != nil {
			return nil, err
		}
		if r.Kind == memory.KindTurn && r.Scope.Session == session {
			turns = append(turns, r)
		}
	}
	slices.SortStableFunc(turns, func(x, y memory.Record) int { return cmp.Compare(x.Position, y.Position) })
	return turns, nil
}

// round tells of a round of the recursion as Ada tells of specialists and of reasoning.
func (c *adaChat) round(r *refine.Round, thinking bool, emit func(ada.Event) bool) {
	var lines []string
	for _, n := range r.Notes {
		if !slices.Contains(c.specialists, n.Specialist) {
			c.specialists = append(c.specialists, n.Specialist)
			emit(ada.Event{Type: ada.SpecialistResult, Named: true, Specialist: n.Specialist, Confidence: r.Score})
		}
		lines = append(lines, n.Specialist+": "+n.Why)
	}
	for _, p := range r.Proposals {
		verdict := "rejected"
		if p.Accepted {
			verdict = "accepted"
		}
		lines = append(lines, fmt.Sprintf("%s by %s: %s", verdict, p.By, p.Why))
	}
	if thinking && len(lines) > 0 {
		emit(ada.Event{Type: ada.Thinking, Content: fmt.Sprintf("round %d\n%s\n", r.N, strings.Join(lines, "\n"))})
	}
}

// remember writes the turn, and the memory that the client asked for. An answer that is kept as a memory says what it was
// made from.
func (b *adaBackend) remember(ctx context.Context, c *adaChat, r *ada.ChatRequest, answer string) error {
	if b.settings.Remember && b.plugin.Writes("") == nil {
		if err := c.turn.Remember(ctx, answer); err != nil {
			return err
		}
	}
	if !r.SaveMemory {
		return nil
	}
	m := ada.NewMemory{Text: strings.TrimSpace(r.MemoryText), Importance: r.MemoryImportance, Entity: r.Entity}
	record := b.fact(&m)
	if m.Text == "" {
		record.Text, record.Role = answer, "assistant"
		c.turn.Ground(&record)
	}
	_, err := b.plugin.RememberIn(ctx, b.scope, record)
	return err
}

func (b *adaBackend) summary(c *adaChat, r *ada.ChatRequest, a *integration.Answer) *ada.Summary {
	now := time.Now()
	context := struct {
		Memories []string    `json:"memories"`
		IDs      []memory.ID `json:"ids"`
		Entity   string      `json:"entity,omitempty"`
	}{Memories: []string{}, IDs: []memory.ID{}, Entity: r.Entity}
	for _, m := range a.Memories {
		context.Memories, context.IDs = append(context.Memories, m.Text), append(context.IDs, m.ID)
	}
	used, err := json.Marshal(context)
	if err != nil {
		used = nil // strings and ids always marshal
	}
	latency := &ada.Latency{TotalMs: ms(now.Sub(c.begun)), Specialists: len(c.specialists), Retrieved: len(a.Memories) > 0}
	latency.OverheadMs = latency.TotalMs
	if b.plugin.Model != nil {
		latency.OverheadMs = ms(c.recalled.Sub(c.begun))
		latency.InferenceMs = ms(now.Sub(c.recalled))
		latency.Percentage = 100 * latency.InferenceMs / max(latency.TotalMs, 1e-3)
	}
	var id [4]byte
	_, _ = rand.Read(id[:])
	return &ada.Summary{ConversationID: c.session, UsedContext: used, UserTimestamp: cmp.Or(r.UserTimestamp, stamp(c.begun)), AssistantTimestamp: stamp(now),
		RequestID: hex.EncodeToString(id[:]), LatencyBreakdown: latency}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// stamp is a time as Ada writes it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000+00:00") }

// Specialists implements ada.Backend.
func (b *adaBackend) Specialists(context.Context) ([]ada.Specialist, error) {
	list := b.plugin.Specialists
	if list == nil {
		list = specialists.Default()
	}
	var out []ada.Specialist
	for _, s := range list {
		priority := "low"
		switch p := s.Priority(); {
		case p <= 0:
			priority = "critical"
		case p <= 10:
			priority = "high"
		case p <= 50:
			priority = "medium"
		}
		out = append(out, ada.Specialist{Name: s.Name(), Description: "examines each draft of an answer against the memories", Version: "1.0.0", Priority: priority, Enabled: true, Tags: []string{"answer"}})
	}
	return out, nil
}

// Info implements ada.Backend.
func (b *adaBackend) Info(ctx context.Context) (ada.Info, error) {
	list, _ := b.Specialists(ctx)
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = s.Name
	}
	model := b.settings.Model
	if m, ok := b.plugin.Model.(interface{ Model() string }); ok && model == "" {
		model = m.Model()
	}
	version := "dev"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Path == "github.com/trm-go/refiner" {
		version = info.Main.Version
	}
	stats, err := b.plugin.Store.Stats(ctx, b.scope)
	if err != nil {
		return ada.Info{}, err
	}
	return ada.Info{Service: "refiner", Version: version, Endpoints: ada.Endpoints,
		Features:     map[string]bool{"rag": true, "specialists": len(list) > 0, "streaming": true, "memory": true, "pause_resume": false},
		Capabilities: map[string]any{"specialist_count": len(list), "enabled_specialists": len(list), "specialist_names": names},
		Models:       map[string]any{"llm": model, "embedding": stats.Model}}, nil
}

// Health implements ada.Backend.
func (b *adaBackend) Health(ctx context.Context) (ada.Health, error) {
	h := ada.Health{Service: "brain", Python: runtime.Version(), Config: map[string]any{}}
	stats, err := b.plugin.Store.Stats(ctx, b.scope)
	if err != nil {
		return h, err
	}
	h.OK, h.Status, h.Persona.Loaded = true, "ok", stats.Kinds[memory.KindPersona] > 0
	return h, nil
}
