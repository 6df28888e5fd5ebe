package stability

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzReplay: a recording comes from a bundle, which may come from anybody. No text panics or takes more than a replay may.
func FuzzReplay(f *testing.F) {
	const seed = `{"contract":"c","mode":"observe","interval":1000000000,"sample_interval":1000000000,"time_scale":1,` +
		`"check":{"name":"k","expr":"rate(x[1m]) > 2 * baseline(avg_over_time(x[5m])) || max_over_time(x{a=\"b\"}[1h:]) > 3","for":5},` +
		`"baselines":[{"expr":"avg_over_time(x[5m])","value":3}],"evaluated":[1000000000,2000000000,100000000000],` +
		`"transition":{"seq":1,"contract":"c","check":"k","from":"holding","to":"violated"},` +
		`"signals":[{"desc":{"Name":"x","Labels":["a"]},"instances":[{"labels":"{a=\"b\"}","at":[1000000000,2000000000,99000000000],"values":[1,2,4]}]}]}`
	f.Add(seed)
	f.Add(strings.ReplaceAll(seed, `"Name":"x"`, `"Name":"x","Kind":1`))
	f.Add(strings.ReplaceAll(seed, `"Name":"x"`, `"Name":"x","Kind":3,"Unit":2`))
	f.Add(strings.ReplaceAll(seed, `"time_scale":1`, `"time_scale":-1e300`))
	f.Add(strings.ReplaceAll(seed, `99000000000`, `9223372036854775807`))
	f.Add(strings.ReplaceAll(seed, `100000000000`, `9223372036854775806`))
	f.Fuzz(func(t *testing.T, text string) {
		var r Recording
		if json.Unmarshal([]byte(text), &r) != nil {
			return
		}
		transitions, err := r.Replay()
		if err != nil && len(transitions) > 0 {
			t.Errorf("%d transitions besides the error %v", len(transitions), err)
		}
	})
}
