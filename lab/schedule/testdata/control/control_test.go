// Package control has a healthy test that looks for leaks itself.
package control

import (
	"testing"

	"github.com/falsifiable/stability/stabilitytest"
)

func TestMain(m *testing.M) { stabilitytest.VerifyTestMain(m) }

func TestHealthy(t *testing.T) {
	stabilitytest.NoLeaks(t)
	done := make(chan struct{})
	go close(done)
	<-done
}
