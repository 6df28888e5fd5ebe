package rpc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// testService is part of gRPC's own test service, as it is described there.
type testService struct {
	testpb.UnimplementedTestServiceServer
}

func (testService) EmptyCall(context.Context, *testpb.Empty) (*testpb.Empty, error) {
	return new(testpb.Empty), nil
}

func (testService) UnaryCall(_ context.Context, r *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	if s := r.GetResponseStatus(); s != nil {
		return nil, status.Error(codes.Code(s.GetCode()), s.GetMessage())
	}
	return &testpb.SimpleResponse{Payload: &testpb.Payload{Body: make([]byte, r.GetResponseSize())}}, nil
}

func (testService) StreamingOutputCall(r *testpb.StreamingOutputCallRequest, stream testpb.TestService_StreamingOutputCallServer) error {
	for _, p := range r.GetResponseParameters() {
		if err := stream.Send(&testpb.StreamingOutputCallResponse{Payload: &testpb.Payload{Body: make([]byte, p.GetSize())}}); err != nil {
			return err
		}
	}
	return nil
}

func (s testService) FullDuplexCall(stream testpb.TestService_FullDuplexCallServer) error {
	for {
		r, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&testpb.StreamingOutputCallResponse{Payload: &testpb.Payload{Body: make([]byte, len(r.GetResponseParameters())*10)}}); err != nil {
			return err
		}
	}
}

// serve starts gRPC's own test service and returns where it listens.
func serve(t *testing.T, reflects bool) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	testpb.RegisterTestServiceServer(server, testService{})
	healthpb.RegisterHealthServer(server, health.NewServer())
	if reflects {
		reflection.Register(server)
	}
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

// Who speaks gRPC only is told from a web server, and from nobody.
func TestSpeaks(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	for address, want := range map[string]bool{serve(t, false): true, web.Listener.Addr().String(): false, "127.0.0.1:1": false} {
		if got := Speaks(t.Context(), address); got != want {
			t.Errorf("%s: %t, want %t", address, got, want)
		}
	}
}

// The server is asked for its methods; gRPC's own are none of the service's.
func TestDiscover(t *testing.T) {
	methods, err := Discover(t.Context(), serve(t, true))
	if err != nil {
		t.Fatal(err)
	}
	for name, streams := range map[string]string{
		"EmptyCall": "", "UnaryCall": "", "StreamingInputCall": "client", "StreamingOutputCall": "server", "FullDuplexCall": "both",
	} {
		m, ok := Find(methods, "/grpc.testing.TestService/"+name)
		if !ok {
			t.Errorf("no %s among %q", name, Names(methods))
		}
		if m.Streams() != streams || m.Long() != (streams != "") {
			t.Errorf("%s streams %q, want %q", name, m.Streams(), streams)
		}
	}
	if names := strings.Join(Names(methods), " "); strings.Contains(names, "grpc.health") {
		t.Errorf("gRPC's own are among %s", names)
	}
	if _, err := Discover(t.Context(), serve(t, false)); !errors.Is(err, ErrNoReflection) {
		t.Errorf("without reflection: %v", err)
	}
}

func TestDestructive(t *testing.T) {
	for name, want := range map[string]bool{"DeleteItem": true, "Reset": true, "Resettle": false, "Get": false, "Stopwatch": false, "Stop2": true} {
		if (Method{Name: "shop.Catalog/" + name}).Destructive() != want {
			t.Errorf("%s: want %t", name, want)
		}
	}
}

// Random messages are valid, whole, the same for the same seed, and end where types contain themselves.
func TestRandomMessages(t *testing.T) {
	made := func(message proto.Message, seed uint64) proto.Message {
		m := Method{input: message.ProtoReflect().Descriptor()}
		into := dynamicpb.NewMessage(m.input)
		if err := proto.Unmarshal(m.Random(rand.New(rand.NewPCG(seed, 1))), into); err != nil {
			t.Fatal(err)
		}
		return into
	}
	request := new(testpb.SimpleRequest)
	for seed := range uint64(50) {
		one := made(request, seed)
		if !proto.Equal(one, made(request, seed)) {
			t.Fatalf("seed %d makes two messages", seed)
		}
		one.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			if f.Enum() != nil && f.Enum().Values().ByNumber(v.Enum()) == nil {
				t.Errorf("%s is %d, which is none of its values", f.FullName(), v.Enum())
			}
			return true
		})
		if fields := one.ProtoReflect().Descriptor().Fields(); !one.ProtoReflect().Has(fields.ByName("payload")) {
			t.Errorf("seed %d leaves the payload out: %v", seed, one)
		}
		at := new(timestamppb.Timestamp)
		wire, _ := proto.Marshal(made(at, seed))
		if err := proto.Unmarshal(wire, at); err != nil || at.CheckValid() != nil || at.GetSeconds() == 0 {
			t.Errorf("%v: %v", at, err)
		}
	}
	made(new(descriptorpb.DescriptorProto), 1) // it contains itself, and this ends
}

func do(t *testing.T, ctx context.Context, c *Caller, address, method, streams string, body []byte) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, Scheme+"://"+address+"/grpc.testing.TestService/"+method, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if streams != "" {
		r.Header.Set(StreamHeader, streams)
	}
	return c.RoundTrip(r)
}

// Calls of every kind become answers with a status of their meaning; who is not reached is an error.
func TestCaller(t *testing.T) {
	address := serve(t, true)
	c := new(Caller)
	defer c.Close()
	wire := func(m proto.Message) []byte {
		out, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	refused := wire(&testpb.SimpleRequest{ResponseStatus: &testpb.EchoStatus{Code: 5, Message: "no such thing"}})
	outputs := wire(&testpb.StreamingOutputCallRequest{ResponseParameters: []*testpb.ResponseParameters{{Size: 10}, {Size: 20}}})
	for _, test := range []struct {
		method, streams string
		body            []byte
		status          int
		name            string
		least           int // bytes of the answer
	}{
		{"EmptyCall", "", nil, 200, "OK", 0},
		{"UnaryCall", "", wire(&testpb.SimpleRequest{ResponseSize: 30}), 200, "OK", 30},
		{"UnaryCall", "", refused, 404, "NOT_FOUND", 0},
		{"Missing", "", nil, 501, "UNIMPLEMENTED", 0},
		{"Missing", "both", nil, 501, "UNIMPLEMENTED", 0},
		{"StreamingOutputCall", "server", outputs, 200, "OK", 30},
	} {
		response, err := do(t, t.Context(), c, address, test.method, test.streams, test.body)
		if err != nil {
			t.Errorf("%s: %v", test.method, err)
			continue
		}
		content, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != test.status || response.Header.Get(StatusHeader) != test.name || len(content) < test.least {
			t.Errorf("%s: %d %s, %d bytes, %v; want %+v", test.method, response.StatusCode, response.Header.Get(StatusHeader), len(content), err, test)
		}
	}
	if _, err := do(t, t.Context(), c, "127.0.0.1:1", "EmptyCall", "", nil); err == nil {
		t.Error("nobody is there, and no error")
	}
}

// A stream stays open until its time is over: messages go and come.
func TestStreamIsHeld(t *testing.T) {
	c := new(Caller)
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	body, err := proto.Marshal(&testpb.StreamingOutputCallRequest{ResponseParameters: []*testpb.ResponseParameters{{Size: 10}}})
	if err != nil {
		t.Fatal(err)
	}
	response, err := do(t, ctx, c, serve(t, true), "FullDuplexCall", "both", body)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if n, err := io.ReadAtLeast(response.Body, make([]byte, 1<<10), 20); err != nil { // what two messages of ours are answered with
		t.Errorf("%d bytes: %v", n, err)
	}
}

// A message written by a person in JSON is encoded, or it is said what the method takes.
func TestEncode(t *testing.T) {
	m := Method{Name: "a.B/C", input: new(testpb.SimpleRequest).ProtoReflect().Descriptor()}
	wire, err := m.Encode(`{"responseSize": 7}`)
	if err != nil || !slices.Equal(wire, []byte{2 << 3, 7}) {
		t.Errorf("% x, %v", wire, err)
	}
	if _, err := m.Encode(`{"size": 7}`); err == nil || !strings.Contains(err.Error(), "a.B/C takes a grpc.testing.SimpleRequest") {
		t.Errorf("%v", err)
	}
}
