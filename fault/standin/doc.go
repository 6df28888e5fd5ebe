// Package standin speaks in place of a sensor: it changes what the monitor reads of one signal, and nothing else.
//
// It is for checks on signals that no fault can move, a service's own gauges above all. What it proves is less: that the
// check fires when the signal says so, not that the signal says so when something is wrong. Reports say that the sensor
// was not tried.
package standin
