package a

import (
	"maps"
	"sync/atomic"

	"github.com/spf13/viper"
)

type Config struct {
	Addr     string
	Features map[string]bool
}

var (
	current atomic.Pointer[Config]
	old     atomic.Value
)

func enable(name string) {
	current.Load().Features[name] = true // want `this changes the snapshot that others load: concurrent readers of the map die`
	c := old.Load().(*Config)
	c.Addr = name            // want `concurrent readers see it half changed`
	delete(c.Features, name) // want `readers of the map die`
}

func reload(name string) {
	c := &Config{Addr: name, Features: map[string]bool{}}
	c.Features["a"] = true
	current.Store(c)
	c.Features["b"] = true // want `this changes the snapshot after it was stored`
}

func good(name string) {
	c := *current.Load()
	c.Features = maps.Clone(c.Features)
	c.Features[name] = true
	c.Addr = name
	current.Store(&c)
}

type node struct{ next *node }

var list atomic.Pointer[node]

func notConfiguration() { list.Load().next = nil }

func watch() string {
	viper.WatchConfig() // want `viper.WatchConfig rewrites the maps`
	return viper.GetString("a")
}
