package fix

import (
	"context"
	"database/sql"
	"net/http"
	"os/exec"
)

// once is a command that is over when the function is.
func once(ctx context.Context) ([]byte, error) {
	cmd := exec.Command("true", "x") // want `use CommandContext`
	return cmd.Output()
}

// left is a process that lives on: it gets no fix.
func left(ctx context.Context) error {
	cmd := exec.Command("daemon") // want `use CommandContext`
	return cmd.Start()
}

func ask(ctx context.Context, db *sql.DB) (n int, err error) {
	err = db.QueryRow("select 1").Scan(&n) // want `use QueryRowContext`
	return n, err
}

func handler(w http.ResponseWriter, r *http.Request) {
	req, err := http.NewRequest("GET", "http://x", nil) // want `use NewRequestWithContext`
	_, _ = req, err
}

// cleansUp must be done when the context has ended: no fix.
func cleansUp(ctx context.Context) {
	defer g(context.Background()) // want `drops the deadline`
}

// other calls something else ctx: no fix.
func other(ctx context.Context) {
	if ctx := "text"; ctx != "" {
		exec.Command("true", ctx).Run() // want `use CommandContext`
	}
}

func inGoroutine(ctx context.Context) {
	go func() {
		exec.Command("true").Run() // want `use CommandContext`
	}()
}
