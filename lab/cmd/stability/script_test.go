package main

import (
	"context"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	if os.Getenv("STABILITY_TEST_AS_COMMAND") != "" {
		main()
	}
	testscript.Main(m, map[string]func(){
		"stability": func() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs testdata/script: the manual of the command line, kept true by running it.
func TestScripts(t *testing.T) {
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("ROOT", root+"/../../..")
			env.Setenv("GOFLAGS", "-mod=mod")
			for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOFLAGS", "GOTOOLCHAIN"} {
				if value, ok := os.LookupEnv(name); ok {
					env.Setenv(name, value)
				}
			}
			cache, err := os.UserCacheDir()
			if err != nil {
				return err
			}
			home, err := os.UserHomeDir()
			if err != nil {
				return err
			}
			if os.Getenv("GOCACHE") == "" {
				env.Setenv("GOCACHE", cache+"/go-build")
			}
			if os.Getenv("GOMODCACHE") == "" {
				env.Setenv("GOMODCACHE", home+"/go/pkg/mod")
			}
			return nil
		},
	})
}
