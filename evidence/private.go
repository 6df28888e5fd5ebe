package evidence

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// PrivateDir returns a directory of that name in the system's folder for temporary files, which belongs to this user and
// which nobody else may enter; it is made when it is missing. Everybody may create directories
// there: if the name belongs to another user already, further names are tried. So two users may get different directories, but one
// user gets the same each time.
func PrivateDir(name string) (string, error) {
	base := filepath.Join(os.TempDir(), filepath.Base(name))
	tries := []string{base, base + "-" + strconv.Itoa(os.Geteuid())}
	for n := range 8 {
		tries = append(tries, tries[1]+"-"+strconv.Itoa(n+2))
	}
	var first error
	for _, dir := range tries {
		err := makePrivate(dir)
		if err == nil {
			return dir, nil
		}
		first = cmp.Or(first, err)
	}
	return "", fmt.Errorf("evidence: no directory of our own: %w", first)
}

func makePrivate(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return err
	}
	info, err := os.Lstat(dir) // a link may lead anywhere
	switch {
	case err != nil:
		return err
	case !isPrivate(info):
		return fmt.Errorf("%s is somebody else's, or no directory", dir)
	case info.Mode().Perm()&0o077 != 0:
		return os.Chmod(dir, 0o700)
	}
	return nil
}
