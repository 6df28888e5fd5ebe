package fileswap

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

const (
	// queueFile says how many events the kernel keeps for one who listens.
	queueFile = "/proc/sys/fs/inotify/max_queued_events"
	// atHand are the events that fsnotify may have read already.
	atHand = 4096
	// eventsOfRename are those of one rename: the old name goes, the new one comes.
	eventsOfRename = 2
	// mostRenames bounds a burst.
	mostRenames = 200_000
)

// burst is how many renames make the kernel's queue overflow.
func burst() (int, error) {
	content, err := os.ReadFile(queueFile)
	if err != nil {
		return 0, fmt.Errorf("only a queue of Linux can be made to overflow: %w", err)
	}
	return burstOf(string(content))
}

func burstOf(queue string) (int, error) {
	length, err := strconv.Atoi(strings.TrimSpace(queue))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", queueFile, err)
	}
	renames := (length + atHand) / eventsOfRename
	if renames > mostRenames {
		return 0, fmt.Errorf("the kernel's queue holds %d events, and more than %d renames at once would be needed; set %s lower", length, mostRenames, queueFile)
	}
	return renames, nil
}
