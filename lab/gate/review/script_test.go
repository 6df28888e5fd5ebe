package review_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/falsifiable/stability/lab/gate/review"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		// gate judges the change on main: flags are -base=, -labels=, -document=, -template.
		"gate": func() { os.Exit(gateMain(os.Args[1:])) },
	})
}

func gateMain(args []string) int {
	var cfg review.Config
	template := false
	for _, a := range args {
		name, value, _ := strings.Cut(a, "=")
		switch name {
		case "-base":
			cfg.Base = value
		case "-labels":
			cfg.Labels = []string{value}
		case "-document":
			cfg.Document = value
		case "-template":
			template = true
		}
	}
	o, err := review.Run(context.Background(), cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if template {
		o.WriteTemplate(os.Stdout)
		return 0
	}
	o.WriteTable(os.Stdout)
	o.WriteText(os.Stdout)
	return o.ExitCode()
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			for name, value := range map[string]string{
				"GIT_CONFIG_GLOBAL": env.WorkDir + "/.gitconfig", "GIT_CONFIG_SYSTEM": "/dev/null", "HOME": env.WorkDir,
			} {
				env.Setenv(name, value)
			}
			return os.WriteFile(env.WorkDir+"/.gitconfig", []byte("[user]\n\tname = T\n\temail = t@example.com\n[init]\n\tdefaultBranch = main\n[protocol \"file\"]\n\tallow = always\n"), 0o600)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			// commit replaces COMMIT in a file by the id of HEAD.
			"commit": func(ts *testscript.TestScript, _ bool, args []string) {
				content := ts.ReadFile(args[0])
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(content, "COMMIT", strings.TrimSpace(ts.ReadFile(args[1])))), 0o600))
			},
		},
	})
}
