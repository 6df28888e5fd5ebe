package process

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// tcpListen is TCP_LISTEN, as /proc/net/tcp writes it.
const tcpListen = "0A"

// listening returns the TCP ports on which a process listens, sorted.
func listening(pid int) ([]string, error) {
	sockets, err := socketInodes(pid)
	if err != nil {
		return nil, err
	}
	var ports []string
	for _, table := range []string{"tcp", "tcp6"} {
		file, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), "net", table))
		if err != nil {
			continue // no IPv6 here
		}
		for lines := bufio.NewScanner(file); lines.Scan(); {
			// sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
			fields := strings.Fields(lines.Text())
			if len(fields) < 10 || fields[3] != tcpListen || !sockets[fields[9]] {
				continue
			}
			_, hex, _ := strings.Cut(fields[1], ":")
			if port, err := strconv.ParseUint(hex, 16, 16); err == nil {
				ports = append(ports, strconv.FormatUint(port, 10))
			}
		}
		file.Close()
	}
	slices.Sort(ports)
	return slices.Compact(ports), nil
}

func socketInodes(pid int) (map[string]bool, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("process: reading the sockets of %d: %w", pid, err)
	}
	inodes := make(map[string]bool)
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(dir, e.Name()))
		if rest, ok := strings.CutPrefix(target, "socket:["); ok && err == nil {
			inodes[strings.TrimSuffix(rest, "]")] = true
		}
	}
	return inodes, nil
}
