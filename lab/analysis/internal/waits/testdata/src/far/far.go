package far

import (
	"log"
	"os"
)

func Load() ([]byte, error) { return os.ReadFile("x") } // want Load:`os.ReadFile`

func Twice() { Load() } // want Twice:`os.ReadFile, called by Load`

func Log() { log.Print("x") } // loggers do not count

func Later() func() { // nor what is called later
	go Load()
	defer Load()
	return func() { Load() }
}
