module github.com/falsifiable/stability/adapter/stabilitygrpc

go 1.26.0

// The lowest versions that work and carry no known vulnerability: importing this must move nobody's.
require (
	github.com/falsifiable/stability v0.0.0
	google.golang.org/grpc v1.79.3
)

require (
	golang.org/x/net v0.48.0
	google.golang.org/genproto/googleapis/rpc v0.0.0-20251202230838-ff82c1b0f217
	google.golang.org/protobuf v1.36.10
)

require (
	golang.org/x/sys v0.39.0 // indirect
	golang.org/x/text v0.32.0 // indirect
)

replace github.com/falsifiable/stability => ../../
