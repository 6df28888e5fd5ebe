module github.com/falsifiable/stability/lab/e2e/pairs/testdata/mysql

go 1.26.0

require (
	github.com/falsifiable/stability v0.0.0
	github.com/go-sql-driver/mysql v1.4.1
)

require google.golang.org/appengine v1.6.8 // indirect

replace github.com/falsifiable/stability => ../../../../../
