package transcript

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
)

// BenchmarkRead reads files of growing size: turns/s should not fall with it.
func BenchmarkRead(b *testing.B) {
	text := strings.Repeat("what somebody says in a conversation ", 4)
	for _, n := range []int{1_000, 10_000, 100_000} {
		var lines, chats bytes.Buffer
		chats.WriteString("[")
		for i := range n {
			fmt.Fprintf(&lines, "{\"text\": \"%d %s\", \"session\": \"s%d\", \"time\": \"2024-05-31T18:30:00Z\"}\n", i, text, i/20)
			if i%20 == 0 {
				fmt.Fprintf(&chats, "%s{\"id\": \"c%d\", \"messages\": [", strings.Repeat(",", min(i, 1)), i)
			}
			fmt.Fprintf(&chats, "%s{\"role\": \"user\", \"content\": \"%d %s\"}", strings.Repeat(",", min(i%20, 1)), i, text)
			if i%20 == 19 {
				chats.WriteString("]}\n")
			}
		}
		chats.WriteString("]")
		for name, data := range map[string][]byte{"lines": lines.Bytes(), "openai": chats.Bytes()} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				for b.Loop() {
					got := 0
					for _, err := range Read(context.Background(), bytes.NewReader(data), "f", nil) {
						if err != nil {
							b.Fatal(err)
						}
						got++
					}
					if got != n {
						b.Fatalf("%d records, want %d", got, n)
					}
				}
				b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "turns/s")
			})
		}
	}
}
