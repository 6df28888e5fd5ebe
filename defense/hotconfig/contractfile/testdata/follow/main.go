// Command follow is a service whose monitor follows the file of contracts that it is given, for tests of whoever writes that file. Its
// signal waiting is always 1500. Whenever the first check changes it prints a line: its state and its expression.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/defense/hotconfig/contractfile"
	"github.com/falsifiable/stability/signals"
)

func main() {
	if err := follow(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func follow(file string) error {
	m := stability.NewMonitor(stability.Config{Warmup: -1})
	if err := m.Attach(signals.GaugeFunc("waiting", signals.Count, func() float64 { return 1500 })); err != nil {
		return err
	}
	if _, err := contractfile.Watch(context.Background(), m, file, contractfile.Options{EnforceUnproven: "it is a test, and nothing acts"}); err != nil {
		return err
	}
	if err := m.Start(); err != nil {
		return err
	}
	for last := ""; ; time.Sleep(50 * time.Millisecond) {
		for _, c := range m.Status().Contracts {
			k := c.Checks[0]
			if line := fmt.Sprint(k.State, " ", k.Expr); line != last {
				fmt.Println(line)
				last = line
			}
		}
	}
}
