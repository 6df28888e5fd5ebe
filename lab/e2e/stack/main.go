// Command stack shows all of it at once, on this machine and by itself: the payment service under load, on the database and the Redis that
// run.sh starts, watched by Prometheus, with an Alertmanager and a chat to be told. Something breaks, is seen everywhere, and is
// mended. It ends with what it started, and fails if somebody was not told.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/falsifiable/stability/lab/internal/browser"
)

func main() { os.Exit(run()) }

func run() (code int) {
	stay := flag.Duration("stay", 0, "how `long` all stays to be looked at while something is broken")
	picture := flag.String("picture", "", "save a picture of the console to this `file`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := show(ctx, *stay, *picture); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "stack:", err)
		return 1
	}
	return 0
}

// patience bounds each wait: the slowest is the alert, which has to be true for a minute first.
const patience = 4 * time.Minute

func show(ctx context.Context, stay time.Duration, picture string) error {
	s, err := start(ctx)
	defer s.stop()
	if err != nil {
		return err
	}
	fmt.Printf("\n  console       %s\n  Prometheus    http://%s/alerts\n  Alertmanager  http://%s\n  payment       http://%s, under %d requests a second\n\n",
		s.console, s.prometheus.Address, s.alertmanager.Address, s.payment.Address, rate)
	say("a minute of a contract takes %v here; waiting until its checks can be judged", time.Duration(scale*float64(time.Minute)))
	if err := s.until(ctx, "no check is judged", s.judged); err != nil {
		return err
	}
	say("breaking something: goroutines leak, 4,000 a second")
	order, err := s.leak(ctx)
	if err != nil {
		return err
	}
	if err := s.receive(ctx, "no card came", s.told.cards); err != nil {
		return err
	}
	if err := s.receive(ctx, "no alert came", s.told.alerts); err != nil {
		return err
	}
	if err := s.look(ctx, stay, picture); err != nil {
		return err
	}
	say("mending it")
	if _, err := s.agent.Remove(ctx, order); err != nil {
		return err
	}
	return errors.Join(s.receive(ctx, "no card told of the end", s.told.ends), s.receive(ctx, "no alert was resolved", s.told.resolved))
}

// look is for people: they get the address of the page and some time for it, or a picture.
func (s *stack) look(ctx context.Context, stay time.Duration, picture string) error {
	if picture != "" {
		switch err := browser.Picture(ctx, s.console, picture, browser.View{Height: 1600}); {
		case errors.Is(err, browser.ErrNone):
			say("NOT RUN: no picture of the console: %v", err)
		case err != nil:
			return err
		default:
			say("the console looks like this: %s", picture)
		}
	}
	say("open %s: all stays as it is for %v; Ctrl-C ends it sooner", s.console, stay)
	_, err := s.wait(ctx, stay, nil)
	return err
}

var begun = time.Now()

// say tells the person who watches what happens, and when.
func say(format string, args ...any) {
	fmt.Printf("[%3.0f s] %s\n", time.Since(begun).Seconds(), fmt.Sprintf(format, args...))
}
