// Command configraces reads two settings of a configuration that always change together, the way its first argument says, while they
// change; the second is a folder for its file, the third how many readers there are. It prints how many pairs they read in 2 s, and how
// many of those were halves of two. With the race detector it is slow and tells of races.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/viper"

	"github.com/falsifiable/stability/defense/hotconfig"
)

const lasts = 2 * time.Second

func main() {
	path := filepath.Join(os.Args[2], "c.yaml")
	write(path, 0)
	read := map[string]func(path string) func() (a, b int){
		"plainmap": plainMap, "mutexmap": mutexMap, "atomicvalue": atomicValue, "viper": byViper, "koanf": byKoanf, "ours": byOurs,
	}[os.Args[1]](path)
	readers, err := strconv.Atoi(os.Args[3])
	check(err)
	end := time.Now().Add(lasts)
	var pairs, torn atomic.Int64
	var all sync.WaitGroup
	for range readers {
		all.Go(func() {
			var n, halves int64
			for ; n%1000 != 0 || time.Now().Before(end); n++ { // the clock would cost more than most readings
				if a, b := read(); a != b {
					halves++
				}
			}
			pairs.Add(n)
			torn.Add(halves)
		})
	}
	for n := 1; time.Now().Before(end); n++ {
		write(path, n)
		time.Sleep(20 * time.Millisecond)
	}
	all.Wait()
	fmt.Println(pairs.Load(), torn.Load())
}

func write(path string, n int) {
	check(os.WriteFile(path+".new", fmt.Appendf(nil, "a: %d\nb: %d\n", n, n), 0o600))
	check(os.Rename(path+".new", path))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// eachMillisecond changes what is not in a file.
func eachMillisecond(change func(n int)) {
	go func() {
		for n := 0; ; n++ {
			change(n)
			time.Sleep(time.Millisecond)
		}
	}()
}

// plainMap is the sick program: one map, written and read.
func plainMap(string) func() (a, b int) {
	m := map[string]int{"a": 0, "b": 0}
	eachMillisecond(func(n int) { m["a"], m["b"] = n, n })
	return func() (int, int) { return m["a"], m["b"] }
}

func mutexMap(string) func() (a, b int) {
	var mu sync.Mutex
	m := map[string]int{"a": 0, "b": 0}
	eachMillisecond(func(n int) {
		mu.Lock()
		defer mu.Unlock()
		m["a"], m["b"] = n, n
	})
	one := func(key string) int {
		mu.Lock()
		defer mu.Unlock()
		return m[key]
	}
	return func() (int, int) { return one("a"), one("b") }
}

type both struct{ A, B int }

func atomicValue(string) func() (a, b int) {
	var whole atomic.Value
	whole.Store(&both{})
	eachMillisecond(func(n int) { whole.Store(&both{n, n}) })
	return func() (int, int) { c := whole.Load().(*both); return c.A, c.B }
}

func byViper(path string) func() (a, b int) {
	v := viper.New()
	v.SetConfigFile(path)
	check(v.ReadInConfig())
	v.WatchConfig() //stability:ignore torncfg the race that this program is there to show
	return func() (int, int) { return v.GetInt("a"), v.GetInt("b") }
}

func byKoanf(path string) func() (a, b int) {
	k := koanf.New(".")
	source := file.Provider(path)
	check(k.Load(source, yaml.Parser()))
	check(source.Watch(func(any, error) {
		k = koanf.New(".") // as koanf's own example does
		_ = k.Load(source, yaml.Parser())
	}))
	return func() (int, int) { return k.Int("a"), k.Int("b") }
}

func byOurs(path string) func() (a, b int) {
	config, err := hotconfig.Watch[both](context.Background(), path, hotconfig.Options[both]{
		Debounce: time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	check(err)
	return func() (int, int) { c := config.Get(); return c.A, c.B }
}
