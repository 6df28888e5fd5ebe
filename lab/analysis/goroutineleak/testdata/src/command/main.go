// Command command starts goroutines for as long as it runs.
package main

import (
	"log"
	"time"
)

func main() {
	go func() {
		for range time.Tick(time.Second) {
			log.Print("alive")
		}
	}()
	setup()
}

func setup() { daemon() }

func daemon() {
	go func() {
		for {
			time.Sleep(time.Second)
			log.Print("alive")
		}
	}()
}

var hooks = []func(){started}

func started() {
	go func() {
		for range time.Tick(time.Second) {
			log.Print("alive")
		}
	}()
}

type job struct{}

func (job) Run() {
	go func() { // want `can never end`
		for range time.Tick(time.Second) {
			log.Print("alive")
		}
	}()
}
