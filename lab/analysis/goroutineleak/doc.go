// Package goroutineleak finds goroutines without a way out (whitepaper §2.2, demands R27, R28).
package goroutineleak
