// Package cpuburn burns CPU: a busy loop, a regular expression that backtracks, a runaway retry without a pause.
//
// Each goroutine computes for a share of every period and is idle for the rest. The goroutines are plain ones,
// preempted by the scheduler as the service's own are, so what else wants to run has to queue behind them; their
// number is bounded such that the fault agent still gets its turn.
package cpuburn
