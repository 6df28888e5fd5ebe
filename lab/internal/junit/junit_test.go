package junit_test

import (
	"os"

	"github.com/falsifiable/stability/lab/internal/junit"
)

func ExampleWrite() {
	junit.Write(os.Stdout, junit.Suite{Name: "a tool", Took: 1.5, Cases: []junit.Case{
		{Class: "orders", Name: "passes", Took: 0.25},
		{Class: "orders", Name: "fails", File: "orders.go", Line: 7, Failure: &junit.Message{Message: "2 > 1", Text: "<script>"}},
		{Class: "orders", Name: "was not judged", Error: &junit.Message{Message: "no load"}},
		{Class: "orders", Name: "was left out", Skipped: &junit.Message{Message: "no fault"}},
	}})
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <testsuite name="a tool" tests="4" failures="1" errors="1" skipped="1" time="1.500">
	//   <testcase classname="orders" name="passes" time="0.250"></testcase>
	//   <testcase classname="orders" name="fails" time="0.000" file="orders.go" line="7">
	//     <failure message="2 &gt; 1">&lt;script&gt;</failure>
	//   </testcase>
	//   <testcase classname="orders" name="was not judged" time="0.000">
	//     <error message="no load"></error>
	//   </testcase>
	//   <testcase classname="orders" name="was left out" time="0.000">
	//     <skipped message="no fault"></skipped>
	//   </testcase>
	// </testsuite>
}
