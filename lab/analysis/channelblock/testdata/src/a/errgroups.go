package a

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// givesUp has a consumer that ends at the first error, and a producer that does not hear of it.
func givesUp(next func() (int, bool), use func(int) error) error {
	var g errgroup.Group
	ch := make(chan int)
	g.Go(func() error {
		defer close(ch)
		for {
			n, ok := next()
			if !ok {
				return nil
			}
			ch <- n // want `send on ch blocks forever on some path; g.Wait at errgroups.go:32 is stuck too`
		}
	})
	g.Go(func() error {
		for n := range ch {
			if err := use(n); err != nil {
				return err
			}
		}
		return nil
	})
	return g.Wait()
}

// afterwards receives what goroutines send when it has waited for their end.
func afterwards(items []int, f func(int) int) (sum int, err error) {
	var g errgroup.Group
	ch := make(chan int)
	for _, i := range items {
		g.Go(func() error {
			ch <- f(i) // want `send on ch blocks forever`
			return nil
		})
	}
	err = g.Wait()
	close(ch)
	for n := range ch {
		sum += n
	}
	return sum, err
}

// atTheLimit starts more from within.
func atTheLimit(f func() error) error {
	var g errgroup.Group
	g.SetLimit(1)
	g.Go(func() error {
		g.Go(f) // want `g.Go blocks forever`
		return nil
	})
	return g.Wait()
}

// waitsForItself waits for a context that ends when it has ended.
func waitsForItself() error {
	g, ctx := errgroup.WithContext(context.Background())
	g.Go(func() error {
		<-ctx.Done() // want `receive from ctx.Done\(\) blocks forever`
		return nil
	})
	return g.Wait()
}

// inTurn tells everybody by the group's context.
func inTurn(ctx context.Context, in []int, work func(int) (int, error)) (sum int, err error) {
	g, ctx := errgroup.WithContext(ctx)
	jobs, results := make(chan int), make(chan int)
	g.Go(func() error {
		defer close(jobs)
		for _, n := range in {
			select {
			case jobs <- n:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range 4 {
		g.Go(func() error {
			for n := range jobs {
				r, err := work(n)
				if err != nil {
					return err
				}
				select {
				case results <- r:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
	}
	go func() {
		g.Wait()
		close(results)
	}()
	for r := range results {
		sum += r
	}
	return sum, g.Wait()
}

type daemon interface {
	Serve() error
	Shutdown(context.Context) error
}

// serveAll relies on Serve, which always returns an error.
func serveAll(daemons ...daemon) error {
	g, ctx := errgroup.WithContext(context.Background())
	for _, d := range daemons {
		g.Go(d.Serve)
		g.Go(func() error {
			<-ctx.Done()
			c, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			return d.Shutdown(c)
		})
	}
	return g.Wait()
}

// bounded has no more at work than the group takes, and leaves the rest.
func bounded(items []int, f func(int) error) (rest []int, err error) {
	var g errgroup.Group
	g.SetLimit(2)
	done := make(chan int, len(items))
	for _, i := range items {
		try := func() error {
			err := f(i)
			done <- i
			return err
		}
		if !g.TryGo(try) {
			rest = append(rest, i)
		}
	}
	for _, i := range rest {
		g.Go(func() error { return f(i) })
	}
	return rest, g.Wait()
}

// oneByOne has the second goroutine wait for the first, which goes on as long as there is input.
func oneByOne(in <-chan int, use func(int)) error {
	var g errgroup.Group
	g.SetLimit(1)
	for range 2 {
		g.Go(func() error {
			for n := range in {
				use(n)
			}
			return nil
		})
	}
	return g.Wait()
}
