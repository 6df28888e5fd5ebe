package plot

import (
	"html"
	"strconv"
)

// Captions are the words around a drawn [Plot], each "" for none.
type Captions struct {
	Label string // what is drawn, for whoever cannot see it
	Time  string // under the axis of time
	Empty string // in place of a value that could never be judged
	Later string // when the deadline is, where that is beyond the end
}

// Room around the box, in pixels: for the labels of the axes, and for the caption of the axis of time where there is one.
const (
	left, right, top, bottom = 66, 14, 4, 20
	captionHeight            = 14
)

// SVG draws the plot. What it writes is numbers and units; captions are escaped. The colors are those of [Look].
func (p *Plot) SVG(c Captions) string {
	d := drawing(make([]byte, 0, 1024+len(p.Value)+len(p.Threshold)))
	height := top + p.Height + bottom
	if c.Time != "" {
		height += captionHeight
	}
	d.add(`<svg class="plot" role="img" viewBox="`, -left, " ", -top, " ", left+p.Width+right, " ", height)
	if c.Label != "" {
		d.add(`" aria-label="`, html.EscapeString(c.Label))
	}
	d.add(`">`)
	d.axes(p)
	if c.Time != "" {
		d.text("", p.Width, p.Height+30, "end", c.Time)
	}
	if p.Fault != nil {
		d.band("fault", *p.Fault, p.Height)
		d.line("mark", p.Fault.X, 0, p.Fault.X, p.Height)
		d.text("mark", p.Fault.X+4, 11, "start", "fault")
	}
	for _, b := range p.Violated {
		d.band("violated", b, p.Height)
	}
	d.add(`<path class="threshold" d="`, p.Threshold, `"/><path class="value" d="`, p.Value, `"/>`)
	if p.Deadline != nil {
		d.line("deadline", *p.Deadline, 0, *p.Deadline, p.Height)
		d.text("deadline", *p.Deadline-4, 11, "end", "deadline")
	}
	if c.Later != "" {
		d.text("deadline", p.Width, 11, "end", "deadline at "+c.Later+" →")
	}
	if p.Value == "" && c.Empty != "" {
		d.text("", p.Width/2, p.Height/2, "middle", c.Empty)
	}
	d.add(`</svg>`)
	return string(d)
}

// drawing is an SVG in the making.
type drawing []byte

// add appends texts as they are, and numbers.
func (d *drawing) add(parts ...any) {
	for _, part := range parts {
		switch v := part.(type) {
		case string:
			*d = append(*d, v...)
		case int:
			*d = strconv.AppendInt(*d, int64(v), 10)
		case float64:
			*d = strconv.AppendFloat(*d, round(v), 'f', -1, 64)
		}
	}
}

func (d *drawing) axes(p *Plot) {
	for _, t := range p.Y {
		d.line("grid", 0, t.At, p.Width, t.At)
		d.text("", -6, t.At+4, "end", t.Label)
	}
	for _, t := range p.X {
		d.text("", t.At, p.Height+15, "middle", t.Label)
	}
}

func (d *drawing) line(class string, x1, y1, x2, y2 float64) {
	d.add(`<line class="`, class, `" x1="`, x1, `" y1="`, y1, `" x2="`, x2, `" y2="`, y2, `"/>`)
}

func (d *drawing) band(class string, b Band, height float64) {
	d.add(`<rect class="`, class, `" x="`, b.X, `" y="0" width="`, b.Width, `" height="`, height, `"/>`)
}

func (d *drawing) text(class string, x, y float64, anchor, text string) {
	d.add(`<text`)
	if class != "" {
		d.add(` class="`, class, `"`)
	}
	d.add(` x="`, x, `" y="`, y, `" text-anchor="`, anchor, `">`, html.EscapeString(text), `</text>`)
}
