// Package run puts the operator together.
package run

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/falsifiable/stability/operator/internal/act"
	"github.com/falsifiable/stability/operator/internal/controller"
	"github.com/falsifiable/stability/operator/internal/intake"
	"github.com/falsifiable/stability/operator/internal/store"
	stabilitywebhook "github.com/falsifiable/stability/operator/internal/webhook"
	authenticationv1 "k8s.io/api/authentication/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
)

// Options are the operator's flags; cmd/main.go says what they are.
type Options struct {
	Metrics, Probes, Intake, Certificates, Alertmanager, Namespace, Trials string
	Elect, Webhook                                                         bool
	Evidence                                                               Evidence
	// AnyName lets several operators run in one process, as tests do.
	AnyName bool
}

// maxWaiting is how many reports wait at once, and period how long for their write.
const (
	maxWaiting = 4096
	period     = 200 * time.Millisecond
)

// Run runs the operator until ctx ends.
func Run(ctx context.Context, cfg *rest.Config, o Options) error {
	clock := &act.Clock{}
	cfg = rest.CopyConfig(cfg)
	cfg.WrapTransport = transport.Wrappers(cfg.WrapTransport, clock.Wrap)
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	m, err := ctrl.NewManager(cfg, ctrl.Options{
		Scheme: scheme, HealthProbeBindAddress: o.Probes, Metrics: server.Options{BindAddress: o.Metrics},
		LeaderElection: o.Elect, LeaderElectionID: "operator.stability.falsifiable.dev", LeaderElectionNamespace: o.Namespace, LeaderElectionReleaseOnCancel: true,
		WebhookServer: webhook.NewServer(webhook.Options{CertDir: o.Certificates}),
		Cache:         cache.Options{DefaultTransform: cache.TransformStripManagedFields(), ByObject: cached(o.Trials)},
		Controller:    config.Controller{SkipNameValidation: ptr.To(o.AnyName)},
	})
	if err != nil {
		return fmt.Errorf("run: making the manager: %w", err)
	}
	kept, err := o.Evidence.open(ctx)
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	errs := []error{
		m.AddHealthzCheck("ping", healthz.Ping), m.AddReadyzCheck("ping", healthz.Ping),
		(&controller.ContractReconciler{Client: m.GetClient()}).SetupWithManager(m),
		(&controller.ActionReconciler{Client: m.GetClient(), Reader: m.GetAPIReader(), Clock: clock, Events: m.GetEventRecorder("stability"), Store: kept}).SetupWithManager(m),
	}
	if kept != nil {
		errs = append(errs, m.Add(sweeping(kept)))
	}
	if o.Trials != "" {
		errs = append(errs, (&controller.FalsificationReconciler{Client: m.GetClient(), Reader: m.GetAPIReader(), Namespace: o.Trials, Events: m.GetEventRecorder("stability")}).SetupWithManager(m))
	}
	if o.Webhook {
		errs = append(errs, stabilitywebhook.SetupWithManager(m))
	}
	if o.Intake != "" {
		errs = append(errs, takeIn(m, o, clock, kept))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	return m.Start(ctx)
}

// cached says what the caches hold: of pods who they are, and Jobs and CronJobs of the namespace of trials only.
func cached(trials string) map[client.Object]cache.ByObject {
	there := cache.ByObject{Namespaces: map[string]cache.Config{trials: {}}}
	return map[client.Object]cache.ByObject{&corev1.Pod{}: {Transform: slim}, &batchv1.Job{}: there, &batchv1.CronJob{}: there}
}

// slim keeps of a cached pod what is asked of one: who it is, its labels and its owner. Whatever is acted upon is read anew.
func slim(object any) (any, error) {
	if pod, ok := object.(*corev1.Pod); ok {
		pod.Spec, pod.Status, pod.Annotations, pod.ManagedFields = corev1.PodSpec{}, corev1.PodStatus{}, nil, nil
	}
	return object, nil
}

// takeIn serves the intake, on operators that do not lead too.
func takeIn(m ctrl.Manager, o Options, clock *act.Clock, kept *store.Store) error {
	certificates, err := certwatcher.New(filepath.Join(o.Certificates, "tls.crt"), filepath.Join(o.Certificates, "tls.key"))
	if err != nil {
		return err
	}
	recorder := &controller.Recorder{Client: m.GetClient(), Reader: m.GetAPIReader(), Clock: clock}
	reviewer := intake.NewTokenReviewer(func(ctx context.Context, review *authenticationv1.TokenReview) error {
		return m.GetClient().Create(ctx, review)
	})
	config := intake.Config{Reviewer: reviewer, Alertmanager: o.Alertmanager, Recorder: intake.NewBatcher(period, maxWaiting, recorder.Write)}
	if kept != nil {
		config.Evidence = &controller.Evidence{Client: m.GetClient(), Store: kept}
	}
	served := &http.Server{
		Addr:              o.Intake,
		Handler:           intake.Handler(config),
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificates.GetCertificate},
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10,
	}
	return errors.Join(m.Add(certificates), m.Add(everywhere(func(ctx context.Context) error {
		go func() {
			<-ctx.Done()
			short, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			_ = served.Shutdown(short) // it ends either way
		}()
		if err := served.ListenAndServeTLS("", ""); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("run: serving the intake: %w", err)
		}
		return nil
	})))
}

// everywhere is a runnable that needs no lease.
type everywhere func(ctx context.Context) error

// Start runs it.
func (e everywhere) Start(ctx context.Context) error { return e(ctx) }

// NeedLeaderElection returns false.
func (everywhere) NeedLeaderElection() bool { return false }

var _ manager.LeaderElectionRunnable = everywhere(nil)
