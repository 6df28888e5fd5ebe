package corpus

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

func TestGen(t *testing.T) {
	dir := os.Getenv("KDIR")
	if dir == "" {
		t.Skip()
	}
	ks, err := Generate(runtime.GOROOT(), dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, k := range ks {
		fmt.Fprint(&b, k.Name)
		for _, l := range k.Leaks {
			fmt.Fprint(&b, "\t", l.String())
		}
		fmt.Fprintln(&b)
	}
	os.WriteFile(dir+"/kernels.txt", []byte(b.String()), 0o644)
	fmt.Println(len(ks))
}
