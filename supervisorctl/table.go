package main

import (
	"strings"
	"unicode/utf8"
)

// column is one column of a table: as wide as width says or, when width is 0, as its longest cell and two blanks. The last column of a
// table may be left ragged with width -1.
type column struct {
	title string
	width int
}

// ragged is the width of a last column that is not padded.
const ragged = -1

// row is one line of a table. A hidden row is not printed but counts for the widths, so that a choice of rows does not move columns.
type row struct {
	cells  []string
	hidden bool
}

// table prints the titles and the rows under them, all cells padded to the width of their column.
func (c *control) table(columns []column, rows []row) {
	titles := make([]string, len(columns))
	for i, col := range columns {
		titles[i] = col.title
	}
	rows = append([]row{{cells: titles}}, rows...)
	widths := make([]int, len(columns))
	for i, col := range columns {
		widths[i] = col.width
		if col.width == 0 {
			widths[i] = longest(rows, i) + 2
		}
	}
	for _, r := range rows {
		if r.hidden {
			continue
		}
		var line strings.Builder
		for i, cell := range r.cells {
			line.WriteString(pad(cell, widths[i]))
		}
		c.printf("%s", line.String())
	}
}

func longest(rows []row, i int) int {
	width := 0
	for _, r := range rows {
		width = max(width, utf8.RuneCountInString(r.cells[i]))
	}
	return width
}

// pad fills s with blanks to a width counted in characters.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}
