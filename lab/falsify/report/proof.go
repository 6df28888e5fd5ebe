package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/falsifiable/stability"
)

// ProofName is the file that is committed beside a contract.
const ProofName = "falsification.json"

// Proof is the content of a falsification.json: a stability.Falsification with the statistics behind it.
type Proof struct {
	Tool   string       `json:"tool"`
	Tier   string       `json:"tier"`
	Seed   uint64       `json:"seed"`
	Scale  float64      `json:"scale"`
	Checks []ProofCheck `json:"checks"`
}

// ProofCheck is the verdict on one check and what it rests on, bound to the check by its hash.
type ProofCheck struct {
	stability.Proof
	Expr     string `json:"expr"`
	Reason   string `json:"reason"`
	Fault    string `json:"fault,omitempty"`
	Controls int    `json:"controls"`
	Alarms   int    `json:"false_alarms"`
	// FalseAlarmRate is the upper bound of the share of runs with a false alarm, DetectionRate the interval of the share of
	// detections; both at 95 %.
	FalseAlarmRate float64  `json:"false_alarm_rate_below"`
	Trials         int      `json:"trials"`
	Hits           int      `json:"detected"`
	DetectionRate  Interval `json:"detection_rate"`
}

// Proofs returns the contents of the falsification.json files by directory, relative to Dir: beside the source that
// declares the contract, or in Dir where that is not known.
func (r *Report) Proofs() map[string]*Proof {
	homes := make(map[string]string) // of contracts
	for _, c := range r.Checks {
		if _, known := homes[c.Contract]; !known && c.Position.File != "" {
			homes[c.Contract] = path.Dir(c.Position.File)
		}
	}
	proofs := make(map[string]*Proof)
	for _, c := range r.Checks {
		home := path.Clean(homes[c.Contract])
		if proofs[home] == nil {
			proofs[home] = &Proof{Tool: "stability falsify", Tier: r.Tier, Seed: r.Seed, Scale: r.Scale}
		}
		proof := ProofCheck{
			Proof: stability.Proof{Contract: c.Contract, Check: c.Name, Hash: c.Hash, Verdict: c.Verdict, At: r.ended()},
			Expr:  c.Expr, Reason: c.Reason, Fault: c.Fault, Controls: c.Controls.Trials, Alarms: c.Controls.Events,
			FalseAlarmRate: c.Controls.Upper, DetectionRate: Interval{0, 1},
		}
		if t := c.Target(); t != nil {
			proof.Trials, proof.Hits, proof.DetectionRate = t.Trials, t.Hits, t.Interval
		}
		proofs[home].Checks = append(proofs[home].Checks, proof)
	}
	return proofs
}

// WriteProofs writes the falsification.json files. Checks that are in a file already and were not part of this report
// stay there, and so does a whole file that says more than this report does. It returns the paths of both kinds.
func (r *Report) WriteProofs() (written, kept []string, err error) {
	for home, proof := range r.Proofs() {
		file := filepath.Join(r.Dir, filepath.FromSlash(home), ProofName)
		if old, err := ReadProof(file); err == nil {
			if old.outweighs(proof) {
				kept = append(kept, file)
				continue
			}
			for _, c := range old.Checks {
				if !slices.ContainsFunc(proof.Checks, func(n ProofCheck) bool { return n.Contract == c.Contract }) {
					if old.Tier != proof.Tier {
						c.Tier = cmp.Or(c.Tier, old.Tier)
					}
					proof.Checks = append(proof.Checks, c)
				}
			}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return written, kept, err
		}
		content, err := json.MarshalIndent(proof, "", "  ")
		if err != nil {
			return written, kept, fmt.Errorf("report: %w", err)
		}
		if err := os.WriteFile(file, append(content, '\n'), 0o644); err != nil {
			return written, kept, fmt.Errorf("report: %w", err)
		}
		written = append(written, file)
	}
	slices.Sort(written)
	slices.Sort(kept)
	return written, kept, nil
}

// ended is when the runs were over, to the second.
func (r *Report) ended() time.Time {
	if r.Started.IsZero() {
		return time.Time{}
	}
	return r.Started.Add(time.Duration(r.Took * float64(time.Second))).UTC().Truncate(time.Second)
}

// outweighs tells whether p proves every check of the newer proof, and in runs that were closer to the contract's own
// times. A refutation is never outweighed: the check was seen to fail.
func (p *Proof) outweighs(newer *Proof) bool {
	if p.Scale <= newer.Scale {
		return false
	}
	return !slices.ContainsFunc(newer.Checks, func(c ProofCheck) bool {
		return c.Verdict == stability.Refuted || p.Unproven(c.Proof) != ""
	})
}

// ReadProof reads one falsification.json.
func ReadProof(file string) (*Proof, error) {
	content, err := readRegular(file)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	var p Proof
	if err := json.Unmarshal(content, &p); err != nil {
		return nil, fmt.Errorf("report: reading %s: %w", file, err)
	}
	return &p, nil
}

// maxProof is far more than the checks of any service take.
const maxProof = 16 << 20

// readRegular reads a file only if it is a regular one. It comes with somebody's source, and could be a link to a
// device that never ends.
func readRegular(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", name)
	case info.Size() > maxProof:
		return nil, fmt.Errorf("%s has %d bytes, more than %d", name, info.Size(), maxProof)
	}
	return os.ReadFile(name)
}

// Unproven says why a committed proof does not cover a check that a service has now, "" if it does: it does not know it,
// knows it with another hash, or did not prove it.
func (p *Proof) Unproven(c stability.Proof) string {
	i := slices.IndexFunc(p.Checks, func(k ProofCheck) bool { return k.Contract == c.Contract && k.Check == c.Check })
	switch {
	case i < 0:
		return "was never falsified"
	case p.Checks[i].Hash != c.Hash:
		return "has changed since it was falsified"
	case p.Checks[i].Verdict != stability.Proven:
		return fmt.Sprintf("is %s: %s", p.Checks[i].Verdict, p.Checks[i].Reason)
	}
	return ""
}
