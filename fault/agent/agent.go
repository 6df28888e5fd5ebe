package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/timescale"
)

// Start starts the agent if the environment asks for it (fault.EnvSocket, fault.EnvScale) and reports whether it did.
// What stands in its way it says on standard error, where falsify reads it; it never ends or delays the service.
func Start() bool {
	path := os.Getenv(fault.EnvSocket)
	if path == "" {
		return false
	}
	complain := log.New(os.Stderr, "stability: fault agent: ", 0)
	scale, err := parseScale(os.Getenv(fault.EnvScale))
	if err != nil {
		complain.Print(err)
		return false
	}
	listener, err := listen(path)
	if err != nil {
		complain.Print(err)
		return false
	}
	timescale.Set(scale)
	server := &http.Server{
		Handler:           newDesk(Faults(), scale).handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          complain,
	}
	go func() { complain.Print(server.Serve(listener)) }()
	return true
}

func parseScale(text string) (float64, error) {
	if text == "" {
		return 1, nil
	}
	scale, err := strconv.ParseFloat(text, 64)
	if err != nil || !(scale > 0 && scale <= 1) {
		return 0, fmt.Errorf("reading %s: %q is not a number above 0 and at most 1", fault.EnvScale, text)
	}
	return scale, nil
}

// maxSocketPath is what fits into sockaddr_un on every Unix; the kernel's own complaint is "invalid argument".
const maxSocketPath = 103

// listen opens the socket. The folder must be our user's alone: whoever reaches the socket can break the service, and
// between creating a socket and restricting it there is a moment.
func listen(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("opening the socket: %s has %d bytes, and a Unix socket's path may have %d",
			path, len(path), maxSocketPath)
	}
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the socket: %w", err)
	}
	if !ours(info) || info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("opening the socket: %s (mode %v) must belong to the user of this process and to nobody else: "+
			"chmod 700", dir, info.Mode().Perm())
	}
	if err := clear(path); err != nil {
		return nil, fmt.Errorf("opening the socket: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("opening the socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		listener.Close()
		return nil, fmt.Errorf("opening the socket: %w", err)
	}
	return listener, nil
}

// clear removes the socket that a killed process left behind, and nothing else.
func clear(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is there and is no socket", path)
	}
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		conn.Close()
		return fmt.Errorf("another process serves %s", path)
	}
	return os.Remove(path)
}
