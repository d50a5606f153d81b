package ui

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Table is rows beneath headings. Without any name of a column there are no
// headings. Columns whose name is in Right are aligned to the right, as numbers are.
type Table struct {
	Columns []string
	Right   []string
	Wrap    bool // the last column goes on in further lines of a narrow terminal, instead of being cut
	rows    []table.Row
}

// Add appends a row.
func (t *Table) Add(cells ...any) { t.rows = append(t.rows, cells) }

// Len is the number of rows.
func (t *Table) Len() int { return len(t.rows) }

// Print writes the table to the terminal's Out, no wider than the terminal. Without rows it writes nothing.
func (t *Table) Print(to *Terminal) {
	if len(t.rows) == 0 {
		return
	}
	w := table.NewWriter()
	style := table.StyleDefault
	style.Name = "refiner"
	style.Box = table.BoxStyle{PaddingRight: "  ", MiddleVertical: ""}
	style.Options = table.Options{}
	style.Format.Header = text.FormatDefault
	if to.Color {
		style.Color.Header = text.Colors{text.Faint}
	} else {
		style.Color = table.ColorOptions{}
	}
	style.Size.WidthMax = to.Width
	w.SetStyle(style)

	header := make(table.Row, len(t.Columns))
	var columns []table.ColumnConfig
	for i, name := range t.Columns {
		header[i] = name
		for _, right := range t.Right {
			if right == name {
				columns = append(columns, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
			}
		}
	}
	if strings.Join(t.Columns, "") != "" {
		w.AppendHeader(header)
	}
	if room := to.Width - t.before(); t.Wrap && room >= 24 {
		columns = append(columns, table.ColumnConfig{Number: len(t.Columns), WidthMax: room, WidthMaxEnforcer: text.WrapSoft})
	}
	w.AppendRows(t.rows)
	w.SetColumnConfigs(columns)
	w.SuppressTrailingSpaces()
	to.Printf("%s\n", w.Render())
}

// Around is the part of s, cleaned, in which most of the words stand, in at most so many lines of a width in columns. What
// is left out is marked by an ellipsis. A width ≤ 0 does not cut.
func Around(s string, words []string, width, lines int) []string {
	s = Clean(s)
	if width <= 0 || text.StringWidthWithoutEscSequences(s) <= width {
		return []string{s}
	}
	fields := strings.Fields(s)
	wanted := map[string]bool{}
	for _, w := range words {
		if w = bare(w); w != "" {
			wanted[w] = true
		}
	}
	room := (width - 2) * lines
	best, most := 0, -1
	for i := range fields { // the window that begins at word i
		used, hits, seen := 0, 0, map[string]bool{}
		for _, f := range fields[i:] {
			if used += text.StringWidthWithoutEscSequences(f) + 1; used > room*3/4 {
				break
			}
			if b := bare(f); wanted[b] && !seen[b] {
				seen[b] = true
				hits++
			}
		}
		if hits > most {
			best, most = i, hits
		}
	}
	// Some words before the first match make it readable, and the beginning is best of all.
	for back := 0; best > 0; best-- {
		if back += text.StringWidthWithoutEscSequences(fields[best-1]) + 1; back > room/4 {
			break
		}
	}
	s = strings.Join(fields[best:], " ")
	if best > 0 {
		s = "… " + s
	}
	wrapped := strings.Split(text.WrapSoft(s, width), "\n")
	if len(wrapped) > lines {
		wrapped = wrapped[:lines]
		wrapped[lines-1] = text.Snip(strings.TrimRight(wrapped[lines-1], " ")+" …", width, "…")
	}
	for i := range wrapped {
		wrapped[i] = strings.TrimRight(wrapped[i], " ")
	}
	return wrapped
}

// bare is a word without what stands around it, in lower case; short words, which are everywhere, are empty.
func bare(w string) string {
	w = strings.ToLower(strings.TrimFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }))
	if len(w) < 4 {
		return ""
	}
	return w
}

// before is the width of all columns but the last, with the space behind them.
func (t *Table) before() (width int) {
	for i, name := range t.Columns[:len(t.Columns)-1] {
		widest := text.StringWidthWithoutEscSequences(name)
		for _, row := range t.rows {
			widest = max(widest, text.StringWidthWithoutEscSequences(fmt.Sprint(row[i])))
		}
		width += widest + 2
	}
	return width
}
