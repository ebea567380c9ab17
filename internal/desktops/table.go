package main

import (
	"fmt"
	"slices"
	"strings"
)

// markdown is the table: a line for each desktop, a column for each situation.
func markdown(all []Outcome) string {
	type key struct{ desktop, version, sound string }
	var rows []key
	var columns []string
	cells := map[key]map[string]string{}
	for _, o := range all {
		k := key{o.Desktop, o.Version, o.Sound}
		if cells[k] == nil {
			cells[k] = map[string]string{}
			rows = append(rows, k)
		}
		if !slices.Contains(columns, o.Case) {
			columns = append(columns, o.Case)
		}
		cells[k][o.Case] = o.cell()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| desktop | sound | %s |\n|---|---|%s\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
	for _, k := range rows {
		fmt.Fprintf(&b, "| %s | %s |", strings.TrimSpace(k.desktop+" "+k.version), k.sound)
		for _, c := range columns {
			fmt.Fprintf(&b, " %s |", cells[k][c])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// cell is an outcome in few letters: "moved", the exit code of what patoggle
// refused, "-" for what the desktop cannot have.
func (o Outcome) cell() string {
	switch {
	case o.Verdict == "-":
		return "–"
	case o.Verdict != "ok":
		return "**wrong**"
	case o.Word != "":
		return o.Word
	case o.Code == 0:
		return "moved"
	}
	return fmt.Sprintf("code %d", o.Code)
}
