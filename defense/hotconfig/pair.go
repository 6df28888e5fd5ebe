package hotconfig

import (
	"context"
	"crypto/tls"
	"fmt"
	"path/filepath"
)

// PairOptions configure a [WatchPair]: what [Options] says about files, and nothing about decoding.
type PairOptions = Options[tls.Certificate]

// WatchPair reads a certificate and its key, two PEM files, and follows both until ctx ends. They are taken together: while one
// has been written and the other not yet, they do not match, and the old pair stays. Use it by [Certificate].
func WatchPair(ctx context.Context, certFile, keyFile string, options PairOptions) (*Value[tls.Certificate], error) {
	if options.Name == "" {
		options.Name = filepath.Base(certFile)
	}
	v := &Value[tls.Certificate]{options: options, paths: []string{certFile, keyFile}}
	v.decode = func(contents [][]byte) (*tls.Certificate, error) {
		pair, err := tls.X509KeyPair(contents[0], contents[1])
		if err != nil {
			return nil, &FileError{Path: certFile, Problem: fmt.Sprintf("with the key in %s: %v", keyFile, err), Err: err}
		}
		return &pair, nil
	}
	if err := v.open(ctx); err != nil {
		return nil, err
	}
	return v, nil
}

// Certificate returns what a tls.Config takes as GetCertificate, so that each new connection gets the present pair.
func Certificate(pair *Value[tls.Certificate]) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair.Get(), nil }
}
