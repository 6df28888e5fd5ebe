package gin

import (
	"net/http"
	"time"
)

type Context struct{ Request *http.Request }

func (*Context) Deadline() (d time.Time, ok bool) { return }
func (*Context) Done() <-chan struct{}            { return nil }
func (*Context) Err() error                       { return nil }
func (*Context) Value(any) any                    { return nil }
