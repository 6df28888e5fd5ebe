package stability

import (
	"encoding/json"
	"fmt"
)

// Verdict is what stability falsify concluded about a check.
type Verdict string

const (
	// Proven: silent under random load, and fired in time by the fault it exists for.
	Proven Verdict = "proven"
	// Refuted: fired without cause, or stayed silent under its fault.
	Refuted Verdict = "refuted"
	// Inconclusive: tried, but the trials allow no conclusion.
	Inconclusive Verdict = "inconclusive"
	// Untested: no fault tried it.
	Untested Verdict = "untested"
)

// Falsification is what a Monitor needs of a falsification.json, which stability falsify writes beside the contract and
// which is committed with it. Fields it does not know, such as the statistics, it ignores.
type Falsification struct {
	Tier   string  `json:"tier,omitempty"` // how long it was tried: quick, pr or nightly
	Checks []Proof `json:"checks"`
}

// Proof is the verdict on one check, bound to the check's meaning by its hash.
type Proof struct {
	Contract string  `json:"contract"`
	Check    string  `json:"check"`
	Hash     string  `json:"hash"`
	Verdict  Verdict `json:"verdict"`
}

// proofs are those of one contract.
type proofs struct {
	tier string
	of   map[string]Proof // by check name
}

func parseProof(c *Contract) (proofs, error) {
	if len(c.Falsification) == 0 {
		return proofs{}, nil
	}
	var f Falsification
	if err := json.Unmarshal(c.Falsification, &f); err != nil {
		return proofs{}, fmt.Errorf("stability: contract %q: reading its falsification.json: %w; write it anew with stability falsify", c.Name, err)
	}
	known := proofs{f.Tier, make(map[string]Proof)}
	for _, p := range f.Checks {
		if p.Contract == c.Name {
			known.of[p.Check] = p
		}
	}
	return known, nil
}

// proves reports whether the check with this hash, and no earlier version of it, was proven.
func (p proofs) proves(check, hash string) bool {
	proof, ok := p.of[check]
	return ok && proof.Hash == hash && proof.Verdict == Proven
}
