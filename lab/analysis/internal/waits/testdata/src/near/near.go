package near

import (
	"far"
	"go/format"
	"net"
	"path/filepath"
)

func one()   { far.Twice() } // want one:`os.ReadFile, called by Load`
func two()   { one() }       // want two:`os.ReadFile, called by Load`
func three() { two() }       // too far away to be sure that it happens

func write(c net.Conn) { c.Write(nil) } // want write:`\(net.Conn\).Write`

func recursive(n int) { // want recursive:`net.Dial`
	recursive(n - 1)
	net.Dial("tcp", "x")
}

func walk() { filepath.Walk("x", nil) } // want walk:`path/filepath.Walk`

func gofmt() { format.Source(nil) } // reads no file, although the function that it calls could

func fine() { far.Log(); far.Later() }
