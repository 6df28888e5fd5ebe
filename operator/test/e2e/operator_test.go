//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/falsifiable/stability/operator/internal/run"
	"github.com/falsifiable/stability/response/quarantine"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// trials is the namespace in which Falsifications are tried.
const trials = "stability-trials"

// place is a namespace with a Deployment of three and its Service, a policy and an operator.
type place struct {
	*testing.T
	ns, intake, certificates string // the last two are of the operator that was started last
	evidence                 string // a folder, "" for no store
	lead                     bool   // by a lease
}

func newPlace(t *testing.T, policy v1alpha1.StabilityPolicySpec) *place {
	t.Helper()
	p := &place{T: t, ns: fmt.Sprintf("e2e-%d", time.Now().UnixNano())}
	for _, object := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: p.ns}},
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: p.ns, Name: "default"}},
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: p.ns, Name: "pay"}, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "pay", "tier": "front"},
			Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}}}},
		&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: p.ns, Name: "pay"}, Spec: appsv1.DeploymentSpec{Replicas: ptr.To(int32(3)),
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "pay"}},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "pay", "tier": "front", "team": "money"}},
				Spec: corev1.PodSpec{NodeName: "stand-in", ServiceAccountName: "default", Containers: []corev1.Container{{Name: "pay", Image: "pay"}}}}}},
		&v1alpha1.StabilityPolicy{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}, Spec: policy},
		&v1alpha1.StabilityContract{ObjectMeta: metav1.ObjectMeta{Namespace: p.ns, Name: "pay"}, Spec: v1alpha1.StabilityContractSpec{Mode: "enforce",
			Interval: metav1.Duration{Duration: 30 * time.Second}, Selector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "pay"}},
			Checks: []v1alpha1.Check{{Name: "leak", Expr: "go.goroutine.count > 1000"}}}},
	} {
		if err := plane.client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		for _, o := range []client.Object{&v1alpha1.StabilityPolicy{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}},
			&v1alpha1.StabilityContract{ObjectMeta: metav1.ObjectMeta{Namespace: p.ns, Name: "pay"}}, &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: p.ns, Name: "pay"}}} {
			if err := plane.client.Delete(ctx, o); err != nil {
				t.Error(err)
			}
		}
	})
	p.wait("three pods are ready", func() bool { return len(p.pods("pay")) == 3 })
	return p
}

// operate runs an operator until the test ends or stop is called, which does not wait: one that is killed does not end in order.
func (p *place) operate(cfg *rest.Config) (stop func()) {
	p.Helper()
	dir := p.TempDir()
	certify(p.T, dir)
	port, err := freePort()
	if err != nil {
		p.Fatal(err)
	}
	p.intake, p.certificates = "https://127.0.0.1:"+port, dir
	options := run.Options{Metrics: "0", Probes: "0", Intake: "127.0.0.1:" + port, Certificates: dir, AnyName: true, Elect: p.lead, Namespace: "stability-system", Trials: trials}
	if p.evidence != "" {
		options.Evidence = store(p.evidence)
	}
	ctx, cancel := context.WithCancel(p.Context())
	ended := make(chan error, 1)
	go func() { ended <- run.Run(ctx, cfg, options) }()
	p.Cleanup(func() { cancel(); <-ended })
	p.wait("the intake answers", func() bool {
		c, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second)
		if err == nil {
			_ = c.Close()
		}
		return err == nil || len(ended) > 0
	})
	return cancel
}

func certify(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: der}, "tls.key": {Type: "EC PRIVATE KEY", Bytes: text}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (p *place) wait(words string, is func() bool) {
	p.Helper()
	p.waitFor(words, is, p.dump)
}

func (p *place) waitFor(words string, is func() bool, dump func()) {
	p.Helper()
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if is() {
			return
		}
	}
	dump()
	p.Fatalf("it never came to this: %s", words)
}

// dump says what there is, for a test that has failed.
func (p *place) dump() {
	var c v1alpha1.StabilityContract
	var s v1alpha1.StabilityPolicy
	_ = plane.client.Get(p.Context(), types.NamespacedName{Namespace: p.ns, Name: "pay"}, &c)
	_ = plane.client.Get(p.Context(), types.NamespacedName{Name: "cluster"}, &s)
	for _, v := range []any{c.Status, s.Status} {
		text, _ := json.MarshalIndent(v, "", " ")
		p.Log(string(text))
	}
	for _, pod := range p.all() {
		p.Log(pod.Name, pod.Labels, pod.Annotations, pod.Status.Phase, pod.OwnerReferences)
	}
}

func (p *place) all() []corev1.Pod {
	var list corev1.PodList
	if err := plane.client.List(p.Context(), &list, client.InNamespace(p.ns)); err != nil {
		p.Fatal(err)
	}
	return list.Items
}

// pods are the ready ones with the label app.
func (p *place) pods(app string) []corev1.Pod {
	return slices.DeleteFunc(p.all(), func(pod corev1.Pod) bool {
		return pod.Labels["app"] != app || pod.Status.Phase != corev1.PodRunning || pod.DeletionTimestamp != nil
	})
}

func (p *place) quarantined() []corev1.Pod {
	return slices.DeleteFunc(p.all(), func(pod corev1.Pod) bool { return pod.Labels[v1alpha1.LabelQuarantined] == "" })
}

// served are the names of the pods behind the Service.
func (p *place) served() map[string]bool {
	var list discoveryv1.EndpointSliceList
	if err := plane.client.List(p.Context(), &list, client.InNamespace(p.ns)); err != nil {
		p.Fatal(err)
	}
	out := map[string]bool{}
	for _, s := range list.Items {
		for _, e := range s.Endpoints {
			if e.TargetRef != nil {
				out[e.TargetRef.Name] = true
			}
		}
	}
	return out
}

func (p *place) contract() v1alpha1.StabilityContract {
	var c v1alpha1.StabilityContract
	if err := plane.client.Get(p.Context(), types.NamespacedName{Namespace: p.ns, Name: "pay"}, &c); err != nil {
		p.Fatal(err)
	}
	return c
}

func (p *place) ledger() []v1alpha1.ActionStatus {
	var s v1alpha1.StabilityPolicy
	if err := plane.client.Get(p.Context(), types.NamespacedName{Name: "cluster"}, &s); err != nil {
		p.Fatal(err)
	}
	return s.Status.Actions
}

// token is one that is bound to the pod, as a projected volume has it.
func (p *place) token(pod corev1.Pod, audience string) string {
	p.Helper()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{audience}, ExpirationSeconds: ptr.To(int64(3600)),
		BoundObjectRef: &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID}}}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: p.ns, Name: "default"}}
	if err := plane.client.SubResource("token").Create(p.Context(), account, request); err != nil {
		p.Fatal(err)
	}
	return request.Status.Token
}

// report posts a violation with a token.
func (p *place) report(token string, v stability.Violation) int {
	p.Helper()
	return p.post(token, quarantine.Violated, v)
}

// reported posts a violation until it is taken: the operator may not have seen a new pod yet.
func (p *place) reported(token string, v stability.Violation) {
	p.Helper()
	p.wait("the report is taken", func() bool { return p.report(token, v) == http.StatusOK })
}

// recover posts the end of a violation.
func (p *place) recover(token string, v stability.Violation) {
	p.Helper()
	if got := p.post(token, quarantine.Recovered, v); got != http.StatusOK {
		p.Fatal(got)
	}
}

func (p *place) request(token, event string, v stability.Violation) (*http.Request, error) {
	body, err := json.Marshal(quarantine.Report{Version: 1, Event: event, Violation: v})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.intake+"/v1/violations", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	return request, nil
}

// insecure is a client that keeps up to so many connections.
func insecure(connections int) *http.Client {
	return &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: connections == 0, MaxIdleConnsPerHost: connections}}
}

func (p *place) post(token, event string, v stability.Violation) int {
	p.Helper()
	request, err := p.request(token, event, v)
	if err != nil {
		p.Fatal(err)
	}
	answer, err := insecure(0).Do(request)
	if err != nil {
		p.Log(err)
		return 0
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusOK {
		p.Logf("%s: %s", answer.Status, text)
	}
	return answer.StatusCode
}

func violation(strike int, since time.Time) stability.Violation {
	return stability.Violation{Contract: "pay", Name: "leak", Strike: strike, Value: 2000, Threshold: 1000, Since: since, At: time.Now(), Proven: true}
}

func acting() v1alpha1.StabilityPolicySpec {
	return v1alpha1.StabilityPolicySpec{Mode: "Act", TTL: metav1.Duration{Duration: time.Hour}, ReportMaxAge: metav1.Duration{Duration: 2 * time.Minute},
		HandsOff: metav1.Duration{Duration: time.Hour}, Storm: v1alpha1.Storm{Percent: 40, Delay: metav1.Duration{Duration: 10 * time.Minute}}}
}
