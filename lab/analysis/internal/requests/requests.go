// Package requests knows which functions serve requests: handlers of net/http, of web frameworks, methods of gRPC services,
// and consumers of messages. connleak, lostdeadline, lockorder and panicpath ask it.
package requests

import (
	"go/types"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// Serves tells whether f, or the function around it, serves one request.
func Serves(f *ssa.Function) bool {
	for ; f != nil; f = f.Parent() {
		if Signature(f.Signature) || Service(f.Signature) {
			return true
		}
	}
	return false
}

// Recovered tells whether a panic in f does not end the process: net/http recovers that of a handler, and so do the usual
// frameworks, as they are set up.
func Recovered(f *ssa.Function) bool {
	for ; f != nil; f = f.Parent() {
		if has(f.Signature, func(t types.Type) bool { return is(t, "net/http", "ResponseWriter") || framework(t) == "gin" }) {
			return true
		}
	}
	return false
}

// Signature tells whether the parameters are those of a handler: a ResponseWriter, a framework's context, a gRPC stream, or
// a message of a consumer.
func Signature(s *types.Signature) bool {
	return has(s, Param)
}

// Param tells whether a parameter of type t makes its function one that serves requests: a batch of messages is one too.
func Param(t types.Type) bool {
	if batch, ok := t.Underlying().(*types.Slice); ok && message(batch.Elem()) {
		return true
	}
	return is(t, "net/http", "ResponseWriter") || framework(t) != "" || stream(t) || message(t)
}

// ContextOf returns what is to be appended to a parameter of type t to get the context of its request; "" if it has none.
func ContextOf(t types.Type) string {
	switch {
	case is(t, "net/http", "Request"), stream(t):
		return ".Context()"
	case framework(t) == "gin":
		return ".Request.Context()"
	case framework(t) == "echo":
		return ".Request().Context()"
	}
	return ""
}

func has(s *types.Signature, ok func(types.Type) bool) bool {
	for v := range s.Params().Variables() {
		if ok(v.Type()) {
			return true
		}
	}
	return false
}

// Service tells whether the signature is that of a unary method of a gRPC service: the receiver embeds what protoc-gen-go-grpc
// writes, or offers it as an interface, and the method is given a context and one message, and returns one and an error.
func Service(s *types.Signature) bool {
	if s.Recv() == nil || s.Params().Len() != 2 || s.Results().Len() != 2 || !is(s.Params().At(0).Type(), "context", "Context") {
		return false
	}
	if !isMessage(s.Params().At(1).Type()) || !isMessage(s.Results().At(0).Type()) {
		return false
	}
	st, ok := deref(s.Recv().Type()).Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for f := range st.Fields() {
		n, ok := types.Unalias(deref(f.Type())).(*types.Named)
		if ok && f.Embedded() && strings.HasSuffix(n.Obj().Name(), "Server") {
			return true
		}
	}
	return false
}

// isMessage tells whether t is a pointer to a message of protobuf.
func isMessage(t types.Type) bool {
	p, ok := t.Underlying().(*types.Pointer)
	if !ok {
		return false
	}
	m, _, _ := types.LookupFieldOrMethod(p, false, nil, "ProtoReflect")
	if m == nil {
		m, _, _ = types.LookupFieldOrMethod(p, false, nil, "ProtoMessage")
	}
	return m != nil
}

// stream tells whether t is the server's side of a gRPC stream.
func stream(t types.Type) bool {
	i, ok := t.Underlying().(*types.Interface)
	if !ok {
		return false
	}
	names := make(map[string]bool)
	for m := range i.Methods() {
		names[m.Name()] = true
	}
	return names["SetHeader"] && names["SetTrailer"] && names["SendMsg"] && names["RecvMsg"]
}

// frameworks are the types by which web frameworks hand a request to its handler.
var frameworks = map[string]string{
	"github.com/gin-gonic/gin.Context":                     "gin",
	"github.com/labstack/echo.Context":                     "echo",
	"github.com/labstack/echo/v4.Context":                  "echo",
	"github.com/labstack/echo/v5.Context":                  "echo",
	"github.com/gofiber/fiber.Ctx":                         "fiber",
	"github.com/gofiber/fiber/v2.Ctx":                      "fiber",
	"github.com/gofiber/fiber/v3.Ctx":                      "fiber",
	"github.com/valyala/fasthttp.RequestCtx":               "fasthttp",
	"github.com/beego/beego/v2/server/web/context.Context": "beego",
	"github.com/cloudwego/hertz/pkg/app.RequestContext":    "hertz",
	"github.com/kataras/iris/v12/context.Context":          "iris",
	"github.com/emicklei/go-restful/v3.Request":            "restful",
}

// messages are the types in which consumers get what they are to work on.
var messages = map[string]bool{
	"github.com/IBM/sarama.ConsumerMessage": true, "github.com/Shopify/sarama.ConsumerMessage": true,
	"github.com/segmentio/kafka-go.Message": true, "github.com/confluentinc/confluent-kafka-go/v2/kafka.Message": true,
	"github.com/nats-io/nats.go.Msg": true, "github.com/nats-io/nats.go/jetstream.Msg": true,
	"github.com/rabbitmq/amqp091-go.Delivery": true, "github.com/streadway/amqp.Delivery": true,
	"github.com/nsqio/go-nsq.Message": true, "github.com/ThreeDotsLabs/watermill/message.Message": true,
	"cloud.google.com/go/pubsub.Message": true, "cloud.google.com/go/pubsub/v2.Message": true,
	"github.com/hibiken/asynq.Task": true, "github.com/aws/aws-lambda-go/events.SQSMessage": true,
	"github.com/twmb/franz-go/pkg/kgo.Record": true, "github.com/twmb/franz-go/pkg/kgo.Fetches": true,
	"github.com/twmb/franz-go/pkg/kgo.FetchTopicPartition": true,
	"github.com/IBM/sarama.ConsumerGroupClaim":             true, "github.com/Shopify/sarama.ConsumerGroupClaim": true,
}

func framework(t types.Type) string { return frameworks[nameOf(t)] }
func message(t types.Type) bool     { return messages[nameOf(t)] }

func nameOf(t types.Type) string {
	n, ok := types.Unalias(deref(t)).(*types.Named)
	if !ok || n.Obj().Pkg() == nil {
		return ""
	}
	return n.Obj().Pkg().Path() + "." + n.Obj().Name()
}

func is(t types.Type, pkg, name string) bool { return nameOf(t) == pkg+"."+name }

func deref(t types.Type) types.Type {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		return p.Elem()
	}
	return t
}
