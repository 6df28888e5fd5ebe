package store

import (
	"encoding/json"
	"io"
	"net"
)

// Conn is a connection for messages.
type Conn struct{ c net.Conn }

func (c *Conn) WriteMessage(b []byte) error {
	_, err := c.c.Write(b)
	return err
}

func (c *Conn) next() (io.Writer, error) { return c.c, nil }

// WriteJSON writes through an interface, so that it does not show.
func (c *Conn) WriteJSON(v any) error {
	w, err := c.next()
	if err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(v)
}
