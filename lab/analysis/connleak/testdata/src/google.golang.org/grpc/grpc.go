// Package grpc stands for the real one.
package grpc

type ClientConn struct{}

func (*ClientConn) Close() error { return nil }

func NewClient(target string) (*ClientConn, error) { return &ClientConn{}, nil }
