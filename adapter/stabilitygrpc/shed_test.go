package stabilitygrpc

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/falsifiable/stability/defense/admission"
)

func TestShed(t *testing.T) {
	control, err := admission.New(admission.Config{Limit: 1, MinLimit: 1, MaxWait: 1})
	if err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan struct{}), make(chan struct{})
	s := &service{
		check: func(context.Context) error {
			entered <- struct{}{}
			<-leave
			return nil
		},
		watch: func(grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error { return errors.New("no stream") },
	}
	address, _ := serveWith(t, s, Shed(control, func(context.Context, string) admission.Priority { return admission.Default })...)
	channel, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer channel.Close()
	client := healthpb.NewHealthClient(channel)
	first := make(chan error)
	go func() {
		_, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{})
		first <- err
	}()
	<-entered
	_, err = client.Check(t.Context(), &healthpb.HealthCheckRequest{})
	if after, ok := RetryAfter(err); status.Code(err) != codes.ResourceExhausted || !ok || after <= 0 {
		t.Errorf("a call too many: %v, come back after %v (%v)", err, after, ok)
	}
	watch := func() error {
		stream, err := client.Watch(t.Context(), &healthpb.HealthCheckRequest{})
		if err == nil {
			_, err = stream.Recv()
		}
		return err
	}
	if err := watch(); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a stream too many: %v", err)
	}
	close(leave)
	if err := <-first; err != nil {
		t.Errorf("the first call: %v", err)
	}
	if err := watch(); status.Code(err) != codes.Unknown {
		t.Errorf("a stream when there is room: %v, want the handler's error", err)
	}
	if p := ShedByMethod(t.Context(), checkMethod); p != admission.Critical {
		t.Errorf("a health check is %s", p)
	}
	if p := ShedByMethod(t.Context(), "/shop.Cart/Add"); p != admission.Default {
		t.Errorf("another method is %s", p)
	}
}
