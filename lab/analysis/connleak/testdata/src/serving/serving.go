// Package serving makes a client for each request, in requests of many forms.
package serving

import (
	"context"
	"net/http"

	"factory"
	"github.com/gin-gonic/gin"
	"google.golang.org/grpc"
)

func plain(w http.ResponseWriter, r *http.Request) {
	conn, err := grpc.NewClient("x:1") // want `grpc.NewClient for each request`
	_, _ = conn, err
}

func ginHandler(c *gin.Context) {
	conn, err := grpc.NewClient("x:1") // want `grpc.NewClient for each request`
	_, _ = conn, err
}

// Request is a message of a service.
type Request struct{}

func (*Request) ProtoMessage() {}

type UnimplementedHealthServer struct{}

type server struct{ UnimplementedHealthServer }

func (server) Check(ctx context.Context, r *Request) (*Request, error) {
	conn, err := grpc.NewClient("x:1") // want `grpc.NewClient for each request`
	_, _ = conn, err
	return nil, nil
}

// notServer has the same method, but is no service.
type notServer struct{}

func (notServer) Check(ctx context.Context, r *Request) (*Request, error) {
	conn, err := grpc.NewClient("x:1")
	_, _ = conn, err
	return nil, nil
}

func byFactory(w http.ResponseWriter, r *http.Request) {
	conn, err := factory.New("x:1") // want `factory.New for each request`
	_, _ = conn, err
}

func byShared(w http.ResponseWriter, r *http.Request) {
	conn, err := factory.Shared()
	_, _ = conn, err
}

func closes(c *gin.Context) {
	conn, err := grpc.NewClient("x:1") // want `grpc.NewClient for each request`
	if err != nil {
		return
	}
	defer conn.Close()
}

func inLiteral() func(c *gin.Context) {
	conn, err := grpc.NewClient("x:1")
	_, _ = conn, err
	return func(c *gin.Context) {
		conn, err := grpc.NewClient("x:1") // want `grpc.NewClient for each request`
		_, _ = conn, err
	}
}

// retry empties the pool of all others.
type retry struct{ Base *http.Transport }

func (r retry) RoundTrip(req *http.Request) (res *http.Response, err error) {
	for range 6 {
		if res, err = r.Base.RoundTrip(req); err == nil {
			return res, nil
		}
		r.Base.CloseIdleConnections() // want `CloseIdleConnections in a RoundTrip`
	}
	return nil, err
}

func (r retry) Stop() { r.Base.CloseIdleConnections() }
