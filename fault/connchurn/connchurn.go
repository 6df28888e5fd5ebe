package connchurn

import (
	"context"
	"errors"
	"fmt"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/faultpoint"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "connchurn",
	Title: "Connection churn",
	Help: "Keeps a share of the connections that the service makes from being used again. Needs a client of signals/httpclient or " +
		"adapter/stabilitygrpc, or a pool of signals/sqldb, and load.",
	Params: []fault.Param{
		{Name: "where", Choices: []string{fault.HTTP, fault.GRPC, fault.Query}, Help: "Whose connections: those of HTTP requests or of gRPC calls that the service makes, or those to databases."},
		{Name: "share", Unit: fault.Ratio, Default: 1, Min: 0.001, Max: 1, Help: "Share of the uses that are the last ones of their connection."},
	},
	Effects: []fault.Effect{
		{Signal: "http.client.connection.created", When: overHTTP, Move: fault.Grow, By: fault.Of("share").By(fault.Outgoing).Scaled(0.5)},
		{Signal: "http.client.peer.connection.created", When: overHTTP, Move: fault.Grow, By: fault.Of("share").By(fault.Outgoing).Scaled(0.5)},
		{Signal: "rpc.client.peer.connection.created", When: map[string]string{"where": fault.GRPC}, Move: fault.Grow, By: fault.Of("share").By(fault.Outcalls).Scaled(0.3)},
		{Signal: "db.client.connection.created", When: map[string]string{"where": fault.Query}, Move: fault.Grow, By: fault.Of("share").By(fault.Requests).Scaled(0.3)},
	},
	Presets: []fault.Settings{{"where": fault.GRPC}, {"where": fault.Query}},
	Start:   start,
}

var overHTTP = map[string]string{"where": fault.HTTP}

// errLast is no failure: it says that the connection is not to be used again.
var errLast = errors.New("the last use of a connection")

type injection struct {
	*fault.Life
	uses *fault.Toll
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	f := &injection{uses: args.Toll()}
	points := map[string]faultpoint.Point{fault.HTTP: faultpoint.HTTPReuse, fault.GRPC: faultpoint.RPCReuse, fault.Query: faultpoint.Reuse}
	f.Life = fault.Begin(ctx, func(ctx context.Context) {
		restore := faultpoint.SetPass(points[args.Choice("where")], f.use)
		<-ctx.Done()
		restore()
	})
	return f, nil
}

func (f *injection) use(context.Context) error {
	if f.uses.Hit() {
		return errLast
	}
	return nil
}

// Witness tells how many connections were not used again.
func (f *injection) Witness() fault.Witness {
	last, uses := f.uses.Counts()
	return fault.Witness{
		Active: !f.Ended() && last > 0, Value: float64(last),
		Detail: fmt.Sprintf("%d of %d uses were the last of their connection", last, uses),
	}
}

// Remove lets connections be used again.
func (f *injection) Remove(ctx context.Context) (fault.Residue, error) {
	return fault.Residue{}, f.End(ctx)
}
