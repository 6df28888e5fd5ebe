package a

import (
	"errors"
	"log"
	"os"
)

func init() {
	if err := load(); err != nil {
		panic(err) // want `panic in init`
	}
}

func load() error { return errors.New("no") }

func usage() { os.Exit(2) } // a command's helper has no other way

func fatal() error {
	log.Fatal("no") // want `log.Fatal outside of package main`
	os.Exit(1)      // want `os.Exit outside of package main`
	return nil
}

func swallow() {
	defer func() {
		recover() // want `throws the panic away`
	}()
	defer func() {
		if r := recover(); r != nil { // want `throws the panic away`
		}
	}()
	defer func() {
		if r := recover(); r != nil {
			log.Print(r)
		}
	}()
	go load()
}
