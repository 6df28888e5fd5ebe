// Command configraces reads a configuration, the way its argument says, while its file changes. It is built with the race
// detector.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/viper"

	"github.com/falsifiable/stability/defense/hotconfig"
)

func main() {
	path := filepath.Join(os.Args[2], "c.yaml")
	write(path, 0)
	read := map[string]func(path string) func() int{"plainmap": plainMap, "viper": byViper, "koanf": byKoanf, "ours": byOurs}[os.Args[1]](path)
	end := time.Now().Add(2 * time.Second)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for time.Now().Before(end) {
				read()
			}
		})
	}
	for n := 1; time.Now().Before(end); n++ {
		write(path, n)
		time.Sleep(20 * time.Millisecond)
	}
	wg.Wait()
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

// plainMap is the whitepaper's sick program: one map, written and read.
func plainMap(string) func() int {
	m := map[string]int{"a": 0}
	go func() {
		for n := 0; ; n++ {
			m["a"] = n
			time.Sleep(time.Millisecond)
		}
	}()
	return func() int { return m["a"] }
}

func byViper(path string) func() int {
	v := viper.New()
	v.SetConfigFile(path)
	check(v.ReadInConfig())
	v.WatchConfig() //stability:ignore torncfg the race that this program is there to show
	return func() int { return v.GetInt("a") }
}

func byKoanf(path string) func() int {
	k := koanf.New(".")
	source := file.Provider(path)
	check(k.Load(source, yaml.Parser()))
	check(source.Watch(func(any, error) {
		k = koanf.New(".") // as koanf's own example does
		_ = k.Load(source, yaml.Parser())
	}))
	return func() int { return k.Int("a") }
}

func byOurs(path string) func() int {
	config, err := hotconfig.Watch[struct{ A, B int }](context.Background(), path, hotconfig.Options[struct{ A, B int }]{
		Debounce: time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	check(err)
	return func() int { return config.Get().A }
}
