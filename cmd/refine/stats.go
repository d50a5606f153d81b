package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
)

func (a *app) statsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stats",
		Short: "Count what is in the store",
		Long:  "Counts what is in the whole store, or in the scope of --tenant, --user, --agent and\n--session if one is given.",
		Args:  cobra.NoArgs,
		RunE: a.reading(func(cmd *cobra.Command, _ []string, p *integration.Plugin) error {
			s, err := p.Store.Stats(cmd.Context(), a.chosen()...)
			if err != nil {
				return err
			}
			if a.json {
				return a.term.JSON(s)
			}
			var kinds []string
			for _, k := range slices.SortedFunc(maps.Keys(s.Kinds), func(x, y memory.Kind) int { return s.Kinds[y] - s.Kinds[x] }) {
				kinds = append(kinds, fmt.Sprintf("%s %s", thousands(s.Kinds[k]), k))
			}
			table := &ui.Table{Columns: []string{"", ""}}
			for _, row := range [][2]string{
				{"records", fmt.Sprintf("%s live, %s superseded", thousands(s.Live), thousands(s.Superseded))},
				{"kinds", strings.Join(kinds, ", ")},
				{"made by refinement", thousands(s.Derived)},
				{"tenants, users, sessions", fmt.Sprintf("%s, %s, %s", thousands(s.Tenants), thousands(s.Users), thousands(s.Sessions))},
				{"shown, used", fmt.Sprintf("%s, %s", thousands(s.Shown), thousands(s.Used))},
				{"embeddings", fmt.Sprintf("%s, %d dimensions", s.Model, s.Dim)},
				{"store", fmt.Sprintf("%s, %s", s.Path, bytesText(s.Bytes))},
				{"generation, schema", fmt.Sprintf("%d, %d", s.Generation, s.Schema)},
			} {
				table.Add(row[0], row[1])
			}
			table.Print(a.term)
			return nil
		}),
	}
}

// bytesText is a size for people, in units of 1024.
func bytesText(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	x, u := float64(n), 0
	for x >= 1024 && u < len(units)-1 {
		x, u = x/1024, u+1
	}
	if u == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", x, units[u])
}
