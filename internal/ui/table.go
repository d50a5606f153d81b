package ui

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Table is rows beneath headings. Without any name of a column there are no
// headings. Columns whose name is in Right are aligned to the right, as numbers are.
type Table struct {
	Columns []string
	Right   []string
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
	w.AppendRows(t.rows)
	w.SetColumnConfigs(columns)
	w.SuppressTrailingSpaces()
	to.Printf("%s\n", w.Render())
}
