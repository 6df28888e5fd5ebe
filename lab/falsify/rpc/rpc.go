// Package rpc drives gRPC services without their .proto files: what they offer is asked of the server itself, by reflection, and
// messages are made from the descriptors that come back.
//
// A [Caller] is an [http.RoundTripper] for URLs of scheme grpc, so that load of either kind is driven and counted by the same
// code. Package load knows nothing of it.
package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jhump/protoreflect/grpcreflect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// ErrNoReflection is a server that does not tell what it offers.
var ErrNoReflection = errors.New("rpc: the server has no reflection service: register it (google.golang.org/grpc/reflection, reflection.Register(server))")

// Speaks reports whether a server speaks HTTP/2 only, as one of gRPC does: such a server answers a request of HTTP/1.1 with the
// frame of its settings. It may take a second.
func Speaks(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline) // a connection that cannot has failed, and the next line says so
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+address+"\r\nConnection: close\r\n\r\n"); err != nil {
		return false
	}
	// RFC 9113 §4.1: three bytes of length, then the frame's type; §3.4: a server's first frame is SETTINGS, which is 4.
	head := make([]byte, 9)
	if _, err := io.ReadFull(conn, head); err != nil {
		return false
	}
	return !bytes.HasPrefix(head, []byte("HTTP/")) && head[3] == 4
}

// Method is one that a server offers.
type Method struct {
	// Name is its path without the first slash: package.Service/Method.
	Name string
	// ClientStreams and ServerStreams tell which side may send more than one message.
	ClientStreams, ServerStreams bool

	input protoreflect.MessageDescriptor
}

// Long reports whether calls of the method last as long as both sides like.
func (m Method) Long() bool { return m.ClientStreams || m.ServerStreams }

// infrastructure are the packages whose services come with gRPC and are none of the service's own.
var infrastructure = []string{"grpc.health.", "grpc.reflection.", "grpc.channelz.", "grpc.admin.", "envoy.service."}

// Discover asks a server for its methods, in the order of their names. Those of gRPC itself (health, reflection, channelz) are
// left out. The error of a server without reflection wraps ErrNoReflection.
func Discover(ctx context.Context, address string) ([]Method, error) {
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("rpc: %w", err)
	}
	defer conn.Close()
	client := grpcreflect.NewClientAuto(ctx, conn)
	client.AllowMissingFileDescriptors()
	defer client.Reset()
	services, err := client.ListServices()
	if status.Code(err) == codes.Unimplemented {
		return nil, ErrNoReflection
	}
	if err != nil {
		return nil, fmt.Errorf("rpc: asking %s what it offers: %w", address, err)
	}
	slices.Sort(services)
	var methods []Method
	for _, name := range services {
		if slices.ContainsFunc(infrastructure, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		service, err := client.ResolveService(name)
		if err != nil {
			return nil, fmt.Errorf("rpc: asking %s for %s: %w", address, name, err)
		}
		all := service.UnwrapService().Methods()
		for i := range all.Len() {
			m := all.Get(i)
			methods = append(methods, Method{
				Name: name + "/" + string(m.Name()), ClientStreams: m.IsStreamingClient(), ServerStreams: m.IsStreamingServer(), input: m.Input(),
			})
		}
	}
	return methods, nil
}

// destructive are the verbs of methods that nobody calls at random: they end what the others work on.
var destructive = []string{"Delete", "Remove", "Drop", "Purge", "Destroy", "Truncate", "Wipe", "Clear", "Reset", "Shutdown", "Stop", "Kill", "Terminate", "Quit", "Crash"}

// Destructive reports whether the method's name says that it takes something away.
func (m Method) Destructive() bool {
	_, own, _ := strings.Cut(m.Name, "/")
	return slices.ContainsFunc(destructive, func(verb string) bool {
		rest, ok := strings.CutPrefix(own, verb)
		return ok && (rest == "" || rest[0] < 'a' || rest[0] > 'z') // Stopwatch is none
	})
}

// Find returns the method of a name.
func Find(methods []Method, name string) (m Method, ok bool) {
	i := slices.IndexFunc(methods, func(m Method) bool { return m.Name == strings.TrimPrefix(name, "/") })
	if i < 0 {
		return Method{}, false
	}
	return methods[i], true
}

// Names lists methods.
func Names(methods []Method) (names []string) {
	for _, m := range methods {
		names = append(names, m.Name)
	}
	return names
}
