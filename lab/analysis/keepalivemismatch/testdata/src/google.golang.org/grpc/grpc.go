// Package grpc has what a server needs to enforce a policy.
package grpc

import "google.golang.org/grpc/keepalive"

type Server struct{}

type ServerOption interface{ apply(*Server) }

type option struct{}

func (option) apply(*Server) {}

func NewServer(opts ...ServerOption) *Server { return new(Server) }

func KeepaliveEnforcementPolicy(p keepalive.EnforcementPolicy) ServerOption { return option{} }
