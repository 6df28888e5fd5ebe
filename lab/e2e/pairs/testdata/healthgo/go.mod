module github.com/falsifiable/stability/lab/e2e/pairs/testdata/healthgo

go 1.26.0

require (
	github.com/falsifiable/stability v0.0.0
	github.com/hellofresh/health-go/v5 v5.5.5
)

require (
	go.opentelemetry.io/otel v1.35.0 // indirect
	go.opentelemetry.io/otel/trace v1.35.0 // indirect
)

replace github.com/falsifiable/stability => ../../../../../
