package main

import (
	"fmt"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	peer "github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/signals"
)

// condition is what all three languages can say. Ours reads the newest readings of a store, and would know if they
// were stale; the peers get a struct or map that is filled already.
const condition = "goroutines > 2000 && requests > 500"

// reading is what the peers see.
type reading struct {
	Goroutines float64 `expr:"goroutines"`
	Requests   float64 `expr:"requests"`
}

// now is the time of the readings in the benchmark's store.
const now = 10 * time.Second

func exprStore() *signals.Store {
	schema := signals.NewSchema(signals.Desc{Name: "goroutines"}, signals.Desc{Name: "requests"})
	store := signals.NewStore(schema, signals.StoreConfig{})
	for at := time.Duration(0); at <= now; at += time.Second {
		store.Push(signals.Sample{ID: 0, At: at, Value: 2500})
		store.Push(signals.Sample{ID: 1, At: at, Value: 400})
	}
	return store
}

func exprOurs(tb testing.TB, store *signals.Store, text string) *expr.Evaluator {
	p, err := expr.Compile(store.Schema(), text, expr.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return p.Bind(store)
}

func exprPeer(tb testing.TB, text string) *vm.Program {
	p, err := peer.Compile(text, peer.Env(reading{}), peer.AsBool())
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func celEnv(tb testing.TB) *cel.Env {
	env, err := cel.NewEnv(cel.Variable("goroutines", cel.DoubleType), cel.Variable("requests", cel.DoubleType))
	if err != nil {
		tb.Fatal(err)
	}
	return env
}

func celPeer(tb testing.TB, env *cel.Env, text string) cel.Program {
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		tb.Fatal(issues.Err())
	}
	p, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// celText is the condition with CEL's doubles: it does not compare them with integers.
const celText = "goroutines > 2000.0 && requests > 500.0"

// BenchmarkExprEval evaluates one condition.
func BenchmarkExprEval(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		e := exprOurs(b, exprStore(), condition)
		for b.Loop() {
			if e.Eval(now)[0].Truth != expr.False {
				b.Fatal("not false")
			}
		}
	})
	b.Run("expr-lang", func(b *testing.B) {
		program, env, machine := exprPeer(b, condition), reading{2500, 400}, vm.VM{}
		for b.Loop() {
			if v, err := machine.Run(program, env); err != nil || v != false {
				b.Fatal(v, err)
			}
		}
	})
	b.Run("cel-go", func(b *testing.B) {
		program, env := celPeer(b, celEnv(b), celText), map[string]any{"goroutines": 2500.0, "requests": 400.0}
		for b.Loop() {
			if v, _, err := program.Eval(env); err != nil || v.Value() != false {
				b.Fatal(v, err)
			}
		}
	})
}

// BenchmarkExprHundred evaluates a hundred different conditions, as one tick of a monitor does.
func BenchmarkExprHundred(b *testing.B) {
	text := func(i int, unit string) string {
		return fmt.Sprintf("goroutines > %d%s && requests > %d%s || goroutines * 2%s < requests", 2000+i, unit, 500+i, unit, unit)
	}
	b.Run("ours", func(b *testing.B) {
		store := exprStore()
		var all []*expr.Evaluator
		for i := range 100 {
			all = append(all, exprOurs(b, store, text(i, "")))
		}
		for b.Loop() {
			for _, e := range all {
				e.Eval(now)
			}
		}
	})
	b.Run("expr-lang", func(b *testing.B) {
		var all []*vm.Program
		for i := range 100 {
			all = append(all, exprPeer(b, text(i, "")))
		}
		env, machine := reading{2500, 400}, vm.VM{}
		for b.Loop() {
			for _, p := range all {
				if _, err := machine.Run(p, env); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("cel-go", func(b *testing.B) {
		env := celEnv(b)
		var all []cel.Program
		for i := range 100 {
			all = append(all, celPeer(b, env, text(i, ".0")))
		}
		values := map[string]any{"goroutines": 2500.0, "requests": 400.0}
		for b.Loop() {
			for _, p := range all {
				if _, _, err := p.Eval(values); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

// BenchmarkExprCompile compiles one condition.
func BenchmarkExprCompile(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		store := exprStore()
		for b.Loop() {
			exprOurs(b, store, condition)
		}
	})
	b.Run("expr-lang", func(b *testing.B) {
		for b.Loop() {
			exprPeer(b, condition)
		}
	})
	b.Run("cel-go", func(b *testing.B) {
		env := celEnv(b)
		for b.Loop() {
			celPeer(b, env, celText)
		}
	})
}
