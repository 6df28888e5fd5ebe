module github.com/falsifiable/stability/lab/e2e/pairs/testdata/puddle

go 1.26.0

require (
	github.com/falsifiable/stability v0.0.0
	github.com/jackc/puddle/v2 v2.2.0
)

require golang.org/x/sync v0.1.0 // indirect

replace github.com/falsifiable/stability => ../../../../../
