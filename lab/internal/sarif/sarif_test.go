package sarif

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func ExampleWrite() {
	run := Run{Tool: Tool{Driver{Name: "try", Rules: []Rule{{ID: "leak", ShortDescription: Text{"something leaks"}}}}}}
	run.Results = append(run.Results, Result{RuleID: "leak", Level: Warning, Message: Text{"it leaks"},
		Locations: []Location{At("a/b.go", 7, 3, "")}, RelatedLocations: []Location{At("c.go", 0, 0, "from here")}})
	Write(os.Stdout, run)
	// Output:
	// {
	//   "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
	//   "version": "2.1.0",
	//   "runs": [
	//     {
	//       "tool": {
	//         "driver": {
	//           "name": "try",
	//           "rules": [
	//             {
	//               "id": "leak",
	//               "shortDescription": {
	//                 "text": "something leaks"
	//               }
	//             }
	//           ]
	//         }
	//       },
	//       "results": [
	//         {
	//           "ruleId": "leak",
	//           "level": "warning",
	//           "message": {
	//             "text": "it leaks"
	//           },
	//           "locations": [
	//             {
	//               "physicalLocation": {
	//                 "artifactLocation": {
	//                   "uri": "a/b.go"
	//                 },
	//                 "region": {
	//                   "startLine": 7,
	//                   "startColumn": 3
	//                 }
	//               }
	//             }
	//           ],
	//           "relatedLocations": [
	//             {
	//               "physicalLocation": {
	//                 "artifactLocation": {
	//                   "uri": "c.go"
	//                 },
	//                 "region": {
	//                   "startLine": 1
	//                 }
	//               },
	//               "message": {
	//                 "text": "from here"
	//               }
	//             }
	//           ]
	//         }
	//       ]
	//     }
	//   ]
	// }
}

// Readers of the format refuse null where a list is due.
func TestEmptyListsAreNotNull(t *testing.T) {
	var out strings.Builder
	if err := Write(&out, Run{Tool: Tool{Driver{Rules: []Rule{}}}}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "null") {
		t.Errorf("a run without results:\n%s", out.String())
	}
	out.Reset()
	if err := Write(&out, Run{Tool: Tool{Driver{Rules: []Rule{}}}, Results: []Result{{RuleID: "x"}}}); err != nil {
		t.Fatal(err)
	}
	if !json.Valid([]byte(out.String())) || strings.Contains(out.String(), "null") {
		t.Errorf("a result without a place:\n%s", out.String())
	}
}
