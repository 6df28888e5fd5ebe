package demo

type Config struct{ Name string }

//stability:noescape
//go:noinline
func ByValue() Config { return Config{"dev"} }

//stability:noescape
//go:noinline
func NewConfig() *Config {
	c := Config{Name: "dev"}
	return &c
}

//stability:allocs 1
//go:noinline
func Boxed(n int) any { return n }

func inlined() *Config { return &Config{"dev"} }

//stability:noescape
func Uses() int { return len(inlined().Name) }
