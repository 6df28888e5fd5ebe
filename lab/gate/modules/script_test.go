package modules_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/goproxytest"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/falsifiable/stability/lab/gate/modules"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		// gate judges the repository it is run in: flags are -base=, -build, -static, -policy=, -vulndb=, the rest binaries.
		"gate": func() { os.Exit(gateMain(os.Args[1:])) },
		// minor VERSION MODULE... is semver-check.
		"minor": func() {
			report, err := modules.RequireMinor(context.Background(), ".", os.Args[1], os.Args[2:])
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(2)
			}
			report.WriteText(os.Stdout)
			os.Exit(report.ExitCode())
		},
	})
}

func gateMain(args []string) int {
	var cfg modules.Config
	for _, a := range args {
		name, value, _ := strings.Cut(a, "=")
		switch name {
		case "-base":
			cfg.Base = value
		case "-build":
			cfg.Build = true
		case "-static":
			cfg.NoCommands = true
		case "-policy":
			cfg.Policy = value
		case "-vulndb":
			cfg.VulnDB = value
		default:
			cfg.Binaries = append(cfg.Binaries, a)
		}
	}
	report, err := modules.Run(context.Background(), cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	report.WriteText(os.Stdout)
	return report.ExitCode()
}

// TestScripts judges repositories by the real go command and git. Their dependencies come from a proxy that serves
// testdata/proxy, into a module cache of the test's own.
func TestScripts(t *testing.T) {
	server := goproxytest.NewTestServer(t, "testdata/proxy", "")
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			for name, value := range map[string]string{
				"GOPROXY": server.URL, "GONOSUMDB": "example.com", "GOSUMDB": "sum.golang.org", "GOFLAGS": "-buildvcs=false",
				"GOMODCACHE": env.WorkDir + "/.modcache", "GOCACHE": cache + "/go-build", "GOTOOLCHAIN": "local", "GOENV": "off",
				"GIT_CONFIG_GLOBAL": env.WorkDir + "/.gitconfig", "GIT_CONFIG_SYSTEM": "/dev/null", "HOME": env.WorkDir,
			} {
				env.Setenv(name, value)
			}
			if value := os.Getenv("GOCACHE"); value != "" {
				env.Setenv("GOCACHE", value)
			}
			return os.WriteFile(env.WorkDir+"/.gitconfig", []byte("[user]\n\tname = T\n\temail = t@example.com\n[init]\n\tdefaultBranch = main\n[protocol \"file\"]\n\tallow = always\n"), 0o600)
		},
	})
}
