// Package txs is another package: of its functions only names are known.
package txs

import (
	"context"
	"database/sql"
	"net/http"
)

func FromContext(context.Context) (*sql.Tx, error)       { return nil, nil }
func MustTx(context.Context) (*sql.Tx, error)            { return nil, nil }
func ConnFromContext(context.Context) (*sql.Conn, error) { return nil, nil }
func Start(context.Context) (*sql.Tx, error)             { return nil, nil }
func GetPage(context.Context) (*http.Response, error)    { return nil, nil }
