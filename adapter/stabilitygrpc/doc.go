// Package stabilitygrpc reads, guards and aligns the gRPC clients and servers of a service (docs/guide/whitepaper.md §3.2).
//
//	calls := stabilitygrpc.NewClient(stabilitygrpc.ClientConfig{})
//	options, err := calls.DialOptions(stabilitygrpc.Peer{Name: "risk", Guard: guard, Retry: budget, Keepalive: keepalive})
//	conn, err := grpc.NewClient(address, options...)
//
//	handlers, err := stabilitygrpc.NewServer(stabilitygrpc.ServerConfig{MaxHandlers: 1000, Keepalive: keepalive})
//	server := grpc.NewServer(handlers.Options(nil)...)
//	healthpb.RegisterHealthServer(server, stabilitygrpc.NewHealth(monitor))
//
// Both are [signals.Source]s. The client knows what gRPC does not tell: how many streams each connection may have, and
// why a server wants its connections gone. It reads both from the frames that the server sends, after decryption.
//
// [Keepalive] is one statement of what both ends of a connection do, from which the options of both are made, so that
// they cannot contradict each other; and [Keepalive.Validate] refuses a pair that the server would punish.
//
// Deadlines need nothing of all this: gRPC carries them itself, in the same header and format as package
// defense/deadline does over HTTP. What is added is the reserve of each hop.
package stabilitygrpc
