package requests

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"testing"

	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/ssa/ssautil"
)

// fakes are packages that only have the types by which requests are known.
var fakes = map[string]string{
	"github.com/gin-gonic/gin":      `package gin; type Context struct{}`,
	"github.com/labstack/echo/v4":   `package echo; type Context interface{ Path() string }`,
	"github.com/gofiber/fiber/v2":   `package fiber; type Ctx struct{}`,
	"github.com/segmentio/kafka-go": `package kafka; type Message struct{}`,
	"github.com/IBM/sarama": `package sarama; type ConsumerGroupSession interface{ Commit() }
type ConsumerMessage struct{}
type ConsumerGroupClaim interface{ Messages() <-chan *ConsumerMessage }`,
	"github.com/nats-io/nats.go":                 `package nats; type Msg struct{}`,
	"github.com/nats-io/nats.go/jetstream":       `package jetstream; type Msg interface{ Ack() error }`,
	"github.com/rabbitmq/amqp091-go":             `package amqp091; type Delivery struct{}`,
	"github.com/twmb/franz-go/pkg/kgo":           `package kgo; type (Record struct{}; Fetch struct{}; Fetches []Fetch)`,
	"github.com/ThreeDotsLabs/watermill/message": `package message; type Message struct{}`,
}

type importing struct {
	fset *token.FileSet
	std  types.Importer
}

func (i importing) Import(path string) (*types.Package, error) {
	src, ok := fakes[path]
	if !ok {
		return i.std.Import(path)
	}
	f, err := parser.ParseFile(i.fset, path+".go", src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return new(types.Config).Check(path, i.fset, []*ast.File{f}, nil)
}

func build(t *testing.T) *ssa.Package {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "p.go", src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	pkg, _, err := ssautil.BuildPackage(&types.Config{Importer: importing{fset, importer.Default()}}, fset, types.NewPackage("p", "p"), []*ast.File{f}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

const src = `package p

import (
	"context"
	"net/http"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"
	"github.com/labstack/echo/v4"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"
)

type proto struct{}
func (*proto) ProtoReflect() {}

type UnimplementedThingServer struct{}
type stream interface { SetHeader(); SetTrailer(); SendMsg(any) error; RecvMsg(any) error }

type service struct{ UnimplementedThingServer }
func (*service) Unary(context.Context, *proto) (*proto, error)            { return nil, nil }
func (*service) helper(context.Context, string) (string, error)           { return "", nil }
func (*service) Short(*proto) (*proto, error)                             { return nil, nil }

type plain struct{}
func (*plain) Unary(context.Context, *proto) (*proto, error)              { return nil, nil }

func handler(http.ResponseWriter, *http.Request) {}
func request(*http.Request)                      {} // a client has those, too
func gins(*gin.Context)                          {}
func echoes(echo.Context) error                  { return nil }
func fibers(*fiber.Ctx) error                    { return nil }
func streams(stream) error                       { return nil }
func consumes(kafka.Message) error               { return nil }
func batches([]kafka.Message) error              { return nil }
func pointers([]*sarama.ConsumerMessage)         {}
func numbers([]int)                              {}
func saramas(sarama.ConsumerGroupSession, sarama.ConsumerGroupClaim) error { return nil }
func setup(sarama.ConsumerGroupSession) error    { return nil } // once for a session
func natses(*nats.Msg)                           {}
func jetstreams(jetstream.Msg)                   {}
func deliveries(amqp.Delivery)                   {}
func records(*kgo.Record)                        {}
func fetches(kgo.Fetches)                        {}
func watermills(*message.Message) error          { return nil }
func background(context.Context)                 {}
func around(http.ResponseWriter)                 { func() { println() }() }
`

func method(p *ssa.Package, recv, name string) *ssa.Function {
	return p.Prog.LookupMethod(types.NewPointer(p.Type(recv).Type()), p.Pkg, name)
}

func TestServes(t *testing.T) {
	p := build(t)
	for name, want := range map[string]struct{ serves, recovered bool }{
		"handler": {true, true}, "request": {}, "gins": {true, true}, "echoes": {true, false}, "fibers": {true, false},
		"streams": {true, false}, "consumes": {true, false}, "batches": {true, false}, "pointers": {true, false}, "numbers": {},
		"saramas": {true, false}, "setup": {}, "natses": {true, false}, "jetstreams": {true, false}, "deliveries": {true, false},
		"records": {true, false}, "fetches": {true, false}, "watermills": {true, false}, "background": {}, "around": {true, true},
	} {
		f := p.Func(name)
		if got := Serves(f); got != want.serves {
			t.Errorf("%s serves requests: %v, want %v", name, got, want.serves)
		}
		if got := Recovered(f); got != want.recovered {
			t.Errorf("a panic in %s is recovered: %v, want %v", name, got, want.recovered)
		}
	}
	if !Serves(p.Func("around").AnonFuncs[0]) {
		t.Error("a literal inside a handler serves no requests")
	}
}

func TestService(t *testing.T) {
	p := build(t)
	for _, tt := range []struct {
		recv, name string
		want       bool
	}{
		{"service", "Unary", true},
		{"service", "helper", false}, // no messages
		{"service", "Short", false},  // no context
		{"plain", "Unary", false},    // nothing of a service in it
	} {
		if got := Serves(method(p, tt.recv, tt.name)); got != tt.want {
			t.Errorf("%s.%s serves requests: %v, want %v", tt.recv, tt.name, got, tt.want)
		}
	}
}

func TestContextOf(t *testing.T) {
	p := build(t)
	for name, want := range map[string]string{
		"request": ".Context()", "gins": ".Request.Context()", "echoes": ".Request().Context()", "streams": ".Context()",
		"fibers": "", "consumes": "", "background": "",
	} {
		if got := ContextOf(p.Func(name).Params[0].Type()); got != want {
			t.Errorf("the context of %s's parameter is at %q, want %q", name, got, want)
		}
	}
}
