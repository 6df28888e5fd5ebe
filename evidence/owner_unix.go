//go:build unix

package evidence

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// ours reports why a directory is no place for evidence: it belongs to somebody else, or others may move what we put there.
// Root may do as it likes anyway.
func ours(info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	me, owner := os.Geteuid(), int(stat.Uid)
	const mend = "; take that right away, or name a directory in it, which is then made with mode 0700"
	switch mode := info.Mode(); {
	case owner != me && owner != 0:
		return fmt.Errorf("the directory belongs to user %d, and this is user %d: name one of your own", owner, me)
	case mode&fs.ModeSticky != 0: // everybody may add to it, and nobody may touch what is others'
		return nil
	case mode&0o002 != 0:
		return fmt.Errorf("everybody may write into the directory (%v)%s", mode, mend)
	case mode&0o020 != 0 && (owner != me || int(stat.Gid) != os.Getegid()):
		return fmt.Errorf("group %d may write into the directory (%v)%s", stat.Gid, mode, mend)
	}
	return nil
}

// ownedByUs reports whether a file belongs to this user, or to root.
func ownedByUs(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int(stat.Uid) == os.Geteuid() || stat.Uid == 0
}

// isPrivate reports whether a file belongs to this user and is a directory.
func isPrivate(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return info.IsDir() && (!ok || int(stat.Uid) == os.Geteuid())
}
