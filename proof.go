package stability

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"
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
	// Tier is given where it is not that of the file: the verdict is from another run.
	Tier string `json:"tier,omitempty"`
	// At is when the run ended, in UTC; zero in files that were written before there was a date.
	At time.Time `json:"at,omitzero"`
}

// proofs are those of one contract, by check name, each with its tier.
type proofs map[string]Proof

func parseProof(c *Contract) (proofs, error) {
	if len(c.Falsification) == 0 {
		return nil, nil
	}
	var f Falsification
	if err := json.Unmarshal(c.Falsification, &f); err != nil {
		return nil, fmt.Errorf("stability: contract %q: reading its falsification.json: %w; write it anew with stability falsify", c.Name, err)
	}
	known := make(proofs)
	for _, p := range f.Checks {
		if p.Contract == c.Name {
			p.Tier = cmp.Or(p.Tier, f.Tier)
			known[p.Check] = p
		}
	}
	return known, nil
}

// find returns the proof of the check with this hash, and of no earlier version of it; the zero Proof if there is none.
func (p proofs) find(check, hash string) (found Proof) {
	if proof := p[check]; proof.Hash == hash && proof.Verdict == Proven {
		found = proof
	}
	return found
}
