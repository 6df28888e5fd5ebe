package fix

import (
	"context"
	"os/exec"
)

func f(ctx context.Context) {
	g(context.TODO())    // want `drops the deadline`
	exec.Command("true") // want `use CommandContext`
}

func g(context.Context) {}
