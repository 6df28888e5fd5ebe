package report

import (
	"encoding/json"
	"io"

	"github.com/falsifiable/stability"
)

type object = map[string]any

// WriteSARIF writes SARIF 2.1.0: one result per check that is not proven, at the place where it is declared.
func (r *Report) WriteSARIF(w io.Writer) error {
	rules := []object{
		rule(stability.Refuted, "The check fired without cause, or did not fire under its fault."),
		rule(stability.Inconclusive, "The check was tried, but the trials allow no conclusion."),
		rule(stability.Untested, "No fault was tried on the check."),
	}
	results := []object{}
	for _, c := range r.Checks {
		level := map[stability.Verdict]string{stability.Refuted: "error", stability.Inconclusive: "warning", stability.Untested: "note"}[c.Verdict]
		if level == "" {
			continue
		}
		result := object{
			"ruleId": string(c.Verdict), "level": level,
			"message":             object{"text": c.ID() + ": " + c.Reason + " (" + c.Expr + ")"},
			"partialFingerprints": object{"check/v1": c.Contract + "/" + c.Name + "/" + c.Hash},
		}
		if c.Position.File != "" {
			result["locations"] = []object{{"physicalLocation": object{
				"artifactLocation": object{"uri": c.Position.File, "uriBaseId": "SERVICE"},
				"region":           object{"startLine": c.Position.Line, "startColumn": c.Position.Column},
			}}}
		}
		results = append(results, result)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	return encoder.Encode(object{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
		"runs": []object{{
			"tool":               object{"driver": object{"name": "stability falsify", "rules": rules}},
			"originalUriBaseIds": object{"SERVICE": object{"uri": "file://" + r.Dir + "/"}},
			"results":            results,
		}},
	})
}

func rule(verdict stability.Verdict, text string) object {
	return object{"id": string(verdict), "shortDescription": object{"text": text}}
}
