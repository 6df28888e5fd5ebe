package stabilitygrpc

import (
	"context"
	"net"
	"net/http"
	"reflect"
	"sync"

	"google.golang.org/grpc"
)

// stops tells when gRPC servers stop. GracefulStop waits for every handler and tells none of them, so a handler that lasts as
// long as its client likes would keep it from ever returning. What a server does tell, first of all, are its listeners:
// it closes them. So it is given one more, which accepts nothing.
type stops struct {
	mu       sync.Mutex
	listened map[*grpc.Server]stopListener
}

// of returns a channel that is closed when the server of a handler's context begins to stop. It is nil, and so never is, for
// a server that does not listen itself but serves as an http.Handler.
func (s *stops) of(ctx context.Context) <-chan struct{} {
	if ctx.Value(http.ServerContextKey) != nil {
		return nil
	}
	server := serverOf(ctx)
	if server == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l, known := s.listened[server]
	if !known {
		l = stopListener{closed: make(chan struct{}), once: new(sync.Once)}
		if s.listened == nil {
			s.listened = make(map[*grpc.Server]stopListener)
		}
		s.listened[server] = l
		go s.listen(server, l)
	}
	return l.closed
}

func (s *stops) listen(server *grpc.Server, l stopListener) {
	_ = server.Serve(l) // returns when the server has stopped, at once if it has already
	_ = l.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listened, server)
}

// stopListener is a net.Listener that only learns of its end.
type stopListener struct {
	closed chan struct{}
	once   *sync.Once
}

func (l stopListener) Accept() (net.Conn, error) { <-l.closed; return nil, net.ErrClosed }
func (l stopListener) Close() error              { l.once.Do(func() { close(l.closed) }); return nil }
func (l stopListener) Addr() net.Addr            { return stopAddr{} }

type stopAddr struct{}

func (stopAddr) Network() string { return "none" }
func (stopAddr) String() string  { return "stability health watch" }

var contextType = reflect.TypeFor[context.Context]()

// serverOf returns the server of a handler's context. gRPC puts it there under a key of a private type, so the type is
// read from the context's links, and then asked for as anybody would. If gRPC ceases to do so there is no server, and the
// test of GracefulStop fails.
func serverOf(ctx context.Context) *grpc.Server {
	link := reflect.ValueOf(ctx)
	for range 1000 { // a chain has tens of links
		for link.Kind() == reflect.Pointer || link.Kind() == reflect.Interface {
			link = link.Elem()
		}
		if link.Kind() != reflect.Struct {
			return nil
		}
		key, val := link.FieldByName("key"), link.FieldByName("val")
		if isInterface(key) && isInterface(val) && val.Elem().Type() == reflect.TypeFor[*grpc.Server]() {
			server, _ := ctx.Value(reflect.Zero(key.Elem().Type()).Interface()).(*grpc.Server)
			return server
		}
		link = parent(link)
	}
	return nil
}

func isInterface(v reflect.Value) bool {
	return v.IsValid() && v.Kind() == reflect.Interface && !v.IsNil()
}

// parent returns the context that a context is made of: its field of that type, or that of a struct embedded in it.
func parent(link reflect.Value) reflect.Value {
	for i := range link.NumField() {
		switch f := link.Type().Field(i); {
		case f.Type == contextType:
			return link.Field(i)
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			if p := parent(link.Field(i)); p.IsValid() {
				return p
			}
		}
	}
	return reflect.Value{}
}
