package goroutines

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
)

// Line is a line of source.
type Line struct {
	Number int    `json:"number"`
	Text   string `json:"text"`
	Here   bool   `json:"here,omitempty"` // the one that matters
}

const (
	// around is how many lines are shown before and after the one that matters.
	around = 3
	// maxSource is more than any file of source has, and maxSourceLine than any line.
	maxSource     = 8 << 20
	maxSourceLine = 1 << 10
)

// ReadSource adds to each group the line at Where and those around it, where the file is on this machine. A dump may come from anybody,
// so only regular files are opened whose name says that they are Go. Several groups of one file cost one read of it.
func (t *Triage) ReadSource() {
	wanted := make(map[string][]int) // groups by file
	for i := range t.Groups {
		if f := t.Groups[i].where; f.Line > 0 && filepath.IsAbs(f.File) && filepath.Ext(f.File) == ".go" {
			wanted[f.File] = append(wanted[f.File], i)
		}
	}
	for file, groups := range wanted {
		_ = t.readFile(file, groups) // what cannot be read is not shown
	}
}

// readFile reads a file once, for all groups that wait in it.
func (t *Triage) readFile(name string, groups []int) error {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxSource {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		for _, i := range groups {
			t.Groups[i].takeLine(n, lines.Text())
		}
	}
	return lines.Err()
}

func (g *Group) takeLine(n int, text string) {
	at := g.where.Line
	if n < at-around || n > at+around {
		return
	}
	text = strings.TrimRight(text, " \t\r")
	text = text[:min(len(text), maxSourceLine)]
	g.Context = append(g.Context, Line{n, text, n == at})
	if n == at {
		g.Source = strings.TrimSpace(text)
	}
}
