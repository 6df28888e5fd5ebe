//go:build e2e

// Package e2e tries the operator on a real etcd, kube-apiserver and kube-controller-manager. Only the kubelet is stood in for:
// nothing runs in the pods, and a goroutine says that they are ready.
package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// plane is the control plane that all tests share; each has a namespace of its own.
var plane struct {
	config *rest.Config
	client client.WithWatch
	users  *envtest.Environment
}

func TestMain(m *testing.M) {
	code, err := withPlane(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, "the control plane:", err)
		code = 1
	}
	os.Exit(code)
}

func withPlane(run func() int) (code int, err error) {
	ctrl.SetLogger(logr.Discard()) // what matters is in the API server
	bin := os.Getenv("STABILITY_CONTROLPLANE")
	env := &envtest.Environment{BinaryAssetsDirectory: bin, CRDDirectoryPaths: []string{"../../chart/crds"}, ErrorIfCRDPathMissing: true,
		ControlPlaneStartTimeout: 2 * time.Minute, ControlPlaneStopTimeout: time.Minute}
	plane.config, err = env.Start()
	defer func() { _ = env.Stop() }() // also of one that has started in part
	if err != nil {
		return 1, err
	}
	plane.users = env
	plane.config.QPS, plane.config.Burst = 500, 1000
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return 1, err
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return 1, err
	}
	if plane.client, err = client.NewWithWatch(plane.config, client.Options{Scheme: scheme}); err != nil {
		return 1, err
	}
	if err := install(context.Background()); err != nil {
		return 1, err
	}
	// No pod of a node that is not there gets into an EndpointSlice.
	if err := plane.client.Create(context.Background(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "stand-in"}}); err != nil {
		return 1, err
	}
	dir, err := os.MkdirTemp("", "e2e")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	stop, err := manage(bin, dir, env.KubeConfig)
	if err != nil {
		return 1, err
	}
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go kubelet(ctx)
	return run(), nil
}

// manage starts kube-controller-manager with the controllers that matter here.
func manage(bin, dir string, kubeconfig []byte) (stop func(), err error) {
	file := filepath.Join(dir, "kubeconfig")
	if err := os.WriteFile(file, kubeconfig, 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(os.TempDir(), "kube-controller-manager.log"))
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(bin, "kube-controller-manager"), "--kubeconfig="+file, "--leader-elect=false", "--bind-address=127.0.0.1",
		"--secure-port="+port, "--cert-dir="+dir, "--kube-api-qps=500", "--kube-api-burst=1000",
		"--controllers=deployment-controller,replicaset-controller,endpointslice-controller,disruption-controller,garbage-collector-controller,job-controller,cronjob-controller")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
	}, nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// kubelet says that pods are ready, but for those of trials, which end as their test says, and lets go those that are deleted.
func kubelet(ctx context.Context) {
	changed := make(chan corev1.Pod)
	var address atomic.Int64
	for range 4 {
		go func() {
			for pod := range changed {
				tend(ctx, &pod, &address)
			}
		}()
	}
	defer close(changed)
	for ; ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		pods, err := plane.client.Watch(ctx, &corev1.PodList{}) // begins with those that are there
		if err != nil {
			continue
		}
		for event := range pods.ResultChan() {
			if pod, ok := event.Object.(*corev1.Pod); ok {
				changed <- *pod
			}
		}
	}
}

// tend does for one pod what a kubelet would. A conflict shows that the pod has changed: it is seen again. What else fails is tried
// again here, for a pod that does not change is not seen again.
func tend(ctx context.Context, p *corev1.Pod, address *atomic.Int64) {
	for range 100 {
		err := tended(ctx, p.DeepCopy(), address)
		if err == nil || apierrors.IsConflict(err) || apierrors.IsNotFound(err) || ctx.Err() != nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func tended(ctx context.Context, p *corev1.Pod, address *atomic.Int64) error {
	switch {
	case p.DeletionTimestamp != nil:
		zero := int64(0)
		return plane.client.Delete(ctx, p, &client.DeleteOptions{GracePeriodSeconds: &zero})
	case p.Status.Phase == corev1.PodPending && p.Namespace != trials:
		n := address.Add(1)
		p.Status.Phase, p.Status.PodIP = corev1.PodRunning, fmt.Sprintf("10.%d.%d.%d", n/62500, n/250%250, n%250+1)
		p.Status.PodIPs = []corev1.PodIP{{IP: p.Status.PodIP}}
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}}
		return plane.client.Status().Update(ctx, p)
	}
	return nil
}
