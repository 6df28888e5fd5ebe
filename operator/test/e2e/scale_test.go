//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/falsifiable/stability/response/quarantine"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// fleet is so many pods under contracts, each of a namespace of its own, reports a second, and for how many seconds.
type fleet struct{ pods, contracts, rate, seconds int }

// TestScale measures the operator, a process of its own, in a fleet: its CPU, its memory, its requests to the API server, and how long
// it takes from a third strike to the action. That no more is done than the budgets let is asked of it too.
func TestScale(t *testing.T) {
	var f fleet
	if _, err := fmt.Sscanf(os.Getenv("STABILITY_SCALE"), "%d,%d,%d,%d", &f.pods, &f.contracts, &f.rate, &f.seconds); err != nil {
		t.Skip("NOT RUN: make bench-operator runs it, with STABILITY_SCALE=pods,contracts,reports a second,seconds")
	}
	budget := min(f.contracts/2, 50)
	f.install(t, budget)
	all := f.ready(t)
	o := startOperator(t)
	o.wait("all contracts are accepted", func() bool { return f.accepted(t) })
	idle := o.measure()
	time.Sleep(20 * time.Second)
	before := o.measure()
	t.Logf("%d pods, %d contracts, 20 s in which nothing changes: %v", f.pods, f.contracts, before.since(idle))
	delays := f.storm(t, o, all)
	after := o.measure()
	t.Logf("%d reports a second for %d s: %v", f.rate, f.seconds, after.since(before))
	t.Logf("memory at its most: %d MiB", after.peak>>20)
	slices.Sort(delays)
	if len(delays) != budget {
		t.Fatalf("%d pods were quarantined, and the budget is %d", len(delays), budget)
	}
	t.Logf("third strike to quarantine, of %d: p50 %v, p99 %v, at most %v", len(delays), delays[len(delays)/2], delays[len(delays)*99/100], delays[len(delays)-1])
}

func space(i int) string { return fmt.Sprintf("fleet-%d", i) }

// install makes the namespaces, each with a Deployment and its contract, and the policy.
func (f fleet) install(t *testing.T, budget int) {
	t.Helper()
	policy := &v1alpha1.StabilityPolicy{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}, Spec: acting()}
	n := ptr.To(int32(budget))
	policy.Spec.Budgets = v1alpha1.Budgets{PerDay: n, PerHour: n, Cluster: n, Namespace: ptr.To(int32(1)), Workload: ptr.To(int32(1))}
	policy.Spec.ControlOneOf = ptr.To(int32(0))
	objects := []client.Object{policy}
	for i := range f.contracts {
		objects = append(objects,
			&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: space(i)}},
			&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: space(i), Name: "default"}},
			&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: space(i), Name: "pay"}, Spec: appsv1.DeploymentSpec{Replicas: ptr.To(int32(f.pods / f.contracts)),
				Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "pay"}},
				Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "pay"}},
					Spec: corev1.PodSpec{NodeName: "stand-in", ServiceAccountName: "default", Containers: []corev1.Container{{Name: "pay", Image: "pay"}}}}}},
			&v1alpha1.StabilityContract{ObjectMeta: metav1.ObjectMeta{Namespace: space(i), Name: "pay"}, Spec: v1alpha1.StabilityContractSpec{Mode: "enforce",
				Interval: metav1.Duration{Duration: 30 * time.Second}, Selector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "pay"}},
				Checks: []v1alpha1.Check{{Name: "leak", Expr: "go.goroutine.count > 1000"}}}})
	}
	for _, o := range objects {
		if err := plane.client.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := plane.client.Delete(context.WithoutCancel(t.Context()), policy); err != nil {
			t.Error(err)
		}
	})
}

// ready waits for the pods, and returns them by their contract.
func (f fleet) ready(t *testing.T) [][]corev1.Pod {
	t.Helper()
	from, all := time.Now(), make([][]corev1.Pod, f.contracts)
	for i := range all {
		for len(all[i]) < f.pods/f.contracts {
			if time.Since(from) > 10*time.Minute {
				t.Fatal("the pods are not ready after 10 minutes")
			}
			p := &place{T: t, ns: space(i)}
			if all[i] = p.pods("pay"); len(all[i]) < f.pods/f.contracts {
				time.Sleep(time.Second)
			}
		}
	}
	t.Logf("%d pods are ready after %v", f.pods, time.Since(from).Round(time.Second))
	return all
}

func (f fleet) accepted(t *testing.T) bool {
	t.Helper()
	var list v1alpha1.StabilityContractList
	if err := plane.client.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	return !slices.ContainsFunc(list.Items, func(c v1alpha1.StabilityContract) bool { return int(c.Status.Pods.Watched) != f.pods/f.contracts })
}

// storm lets one pod of each contract report new violations all the time, and another one its third strike, one contract after the
// other. It returns how long it took from there to its quarantine, of those that were quarantined.
func (f fleet) storm(t *testing.T, o *operatorProcess, all [][]corev1.Pod) (delays []time.Duration) {
	t.Helper()
	seen := f.quarantines(t)
	var taken, refused atomic.Int64
	struck := make([]time.Time, f.contracts)
	var wg sync.WaitGroup
	begin := time.Now()
	for i := range all {
		p := &place{T: t, ns: space(i), intake: o.intake}
		noisy, sick := p.token(all[i][0], "stability"), p.token(all[i][1], "stability")
		wg.Go(func() {
			every := time.Second * time.Duration(f.contracts) / time.Duration(f.rate)
			f.noise(begin, every, func() { count(p.send(o.client, noisy, violation(1, time.Now())), &taken, &refused) })
		})
		wg.Go(func() {
			time.Sleep(time.Until(begin.Add(time.Duration(f.seconds) * time.Second * time.Duration(i) / time.Duration(f.contracts))))
			struck[i] = time.Now()
			for p.send(o.client, sick, violation(3, struck[i])) != http.StatusOK {
				time.Sleep(100 * time.Millisecond) // as the library's reporter does
			}
		})
	}
	wg.Wait()
	took := time.Since(begin)
	time.Sleep(10 * time.Second) // what is still under way
	t.Logf("%d reports were taken in %v, %.0f a second, and %d refused", taken.Load(), took.Round(time.Second), float64(taken.Load())/took.Seconds(), refused.Load())
	for i := range all {
		if at, known := seen.Load(string(all[i][1].UID)); known {
			if when, ok := at.(time.Time); ok {
				delays = append(delays, when.Sub(struck[i]))
			}
		}
	}
	return delays
}

func count(status int, taken, refused *atomic.Int64) {
	if status == http.StatusOK {
		taken.Add(1)
	} else {
		refused.Add(1)
	}
}

// noise calls f at an even pace, whether or not earlier calls have ended, of which up to 16 are under way.
func (f fleet) noise(begin time.Time, every time.Duration, call func()) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, 16)
	for at := begin; at.Sub(begin) < time.Duration(f.seconds)*time.Second; at = at.Add(every) {
		time.Sleep(time.Until(at))
		slots <- struct{}{}
		wg.Go(func() { call(); <-slots })
	}
	wg.Wait()
}

// quarantines notes when each pod was first seen in quarantine, by its UID.
func (f fleet) quarantines(t *testing.T) *sync.Map {
	t.Helper()
	seen := &sync.Map{}
	pods, err := plane.client.Watch(t.Context(), &corev1.PodList{}, client.HasLabels{v1alpha1.LabelQuarantined})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for event := range pods.ResultChan() {
			if pod, ok := event.Object.(*corev1.Pod); ok {
				seen.LoadOrStore(string(pod.UID), time.Now())
			}
		}
	}()
	return seen
}

// send is report with connections that are kept.
func (p *place) send(c *http.Client, token string, v stability.Violation) int {
	request, err := p.request(token, quarantine.Violated, v)
	if err != nil {
		return 0
	}
	answer, err := c.Do(request)
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// operatorProcess is the operator as its image has it.
type operatorProcess struct {
	*place
	pid     int
	metrics string
	client  *http.Client
}

func startOperator(t *testing.T) *operatorProcess {
	t.Helper()
	dir := t.TempDir()
	certify(t, dir)
	var ports [2]string
	for i := range ports {
		port, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = net.JoinHostPort("127.0.0.1", port)
	}
	binary, config := filepath.Join(dir, "operator"), filepath.Join(dir, "kubeconfig")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.WriteFile(config, plane.users.KubeConfig, 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "-kubeconfig="+config, "-metrics="+ports[0], "-probes=0", "-intake="+ports[1], "-certificates="+dir, "-elect=false", "-webhook=false")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("%s", text[max(0, len(text)-4000):])
		}
	})
	return &operatorProcess{&place{T: t, intake: "https://" + ports[1]}, cmd.Process.Pid, "http://" + ports[0] + "/metrics", insecure(256)}
}

// usage is what a process has used until now.
type usage struct {
	cpu      time.Duration
	peak     int64 // bytes
	requests float64
	at       time.Time
}

func (u usage) since(before usage) string {
	wall := u.at.Sub(before.at)
	return fmt.Sprintf("%.2f cores, %.0f requests/s to the API server", (u.cpu-before.cpu).Seconds()/wall.Seconds(), (u.requests-before.requests)/wall.Seconds())
}

func (o *operatorProcess) measure() usage {
	o.Helper()
	u := usage{at: time.Now()}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", o.pid))
	if err != nil {
		o.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	for _, f := range fields[11:13] { // user and system, in hundredths of a second
		ticks, _ := strconv.Atoi(f)
		u.cpu += time.Duration(ticks) * 10 * time.Millisecond
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", o.pid))
	if err != nil {
		o.Fatal(err)
	}
	_, most, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscanf(most, "%d kB", &u.peak); err != nil {
		o.Fatal(err)
	}
	u.peak <<= 10
	answer, err := http.Get(o.metrics)
	if err != nil {
		o.Fatal(err)
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if line := lines.Text(); strings.HasPrefix(line, "rest_client_requests_total{") {
			n, _ := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
			u.requests += n
		}
	}
	return u
}
