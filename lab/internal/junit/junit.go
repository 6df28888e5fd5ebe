// Package junit writes JUnit XML, which CI systems read to list the cases that failed.
package junit

import (
	"encoding/xml"
	"fmt"
	"io"
)

// Suite is what one run of a tool judged. Write counts its cases.
type Suite struct {
	XMLName  xml.Name `xml:"testsuite"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Skipped  int      `xml:"skipped,attr"`
	Took     Seconds  `xml:"time,attr,omitempty"` // by the clock
	Cases    []Case   `xml:"testcase"`
}

// Case is one thing that was judged. At most one of Failure, Error and Skipped is set; with none of them it passed.
type Case struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Took    Seconds  `xml:"time,attr"`
	File    string   `xml:"file,attr,omitempty"`
	Line    int      `xml:"line,attr,omitempty"`
	Failure *Message `xml:"failure,omitempty"` // judged, and wrong
	Error   *Message `xml:"error,omitempty"`   // could not be judged
	Skipped *Message `xml:"skipped,omitempty"` // was not to be judged
	Output  string   `xml:"system-out,omitempty"`
}

// Message says why a case did not pass.
type Message struct {
	Message string `xml:"message,attr"` // a line
	Text    string `xml:",chardata"`
}

// Seconds is a time in seconds, written to the millisecond.
type Seconds float64

// MarshalText writes the time as JUnit has it.
func (s Seconds) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%.3f", float64(s)), nil }

// Write writes the suite, with its cases counted.
func Write(w io.Writer, s Suite) error {
	s.Tests, s.Failures, s.Errors, s.Skipped = len(s.Cases), 0, 0, 0
	for _, c := range s.Cases {
		switch {
		case c.Failure != nil:
			s.Failures++
		case c.Error != nil:
			s.Errors++
		case c.Skipped != nil:
			s.Skipped++
		}
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	return encoder.Encode(s)
}
