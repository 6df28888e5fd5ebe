package plot

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

// elements reads an SVG as a browser does, and counts what is in it by name and class.
func elements(t *testing.T, svg string) map[string]int {
	t.Helper()
	found := make(map[string]int)
	for decoder := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := decoder.Token()
		if err == io.EOF {
			return found
		} else if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
		if e, ok := token.(xml.StartElement); ok {
			name := e.Name.Local
			for _, a := range e.Attr {
				if a.Name.Local == "class" {
					name += "." + a.Value
				}
			}
			found[name]++
		}
	}
}

func TestSVG(t *testing.T) {
	points := []Point{{At: 0, Value: at(1), Threshold: at(2)}, {At: 1, Value: at(3), Threshold: at(2), Violated: true}, {At: 2, Value: at(1), Threshold: at(2)}}
	whole := New(points, Options{Width: 400, Height: 116, Fault: [2]float64{0.5, 1.5}, Deadline: 1.8})
	svg := whole.SVG(Captions{Label: "<script>", Time: "time", Later: "9 s", Empty: "nothing"})
	found := elements(t, svg)
	for what, want := range map[string]int{
		"svg.plot": 1, "path.value": 1, "path.threshold": 1, "rect.violated": 1, "rect.fault": 1, "line.mark": 1, "text.mark": 1, "line.deadline": 1,
		"text.deadline": 2, "line.grid": len(whole.Y), "text": len(whole.X) + len(whole.Y) + 1, "script": 0,
	} {
		if found[what] != want {
			t.Errorf("%d %s, want %d: %s", found[what], what, want, svg)
		}
	}
	if !strings.Contains(svg, `viewBox="-66 -4 480 154"`) || strings.Contains(svg, "nothing") {
		t.Errorf("it is drawn as %s", svg)
	}
	bare := New(nil, Options{Width: 300, Height: 84})
	if found := elements(t, bare.SVG(Captions{Empty: "nothing"})); found["text"] != 1 || found["rect.fault"]+found["line.deadline"] != 0 {
		t.Errorf("nothing is drawn as %v", found)
	}
}
