// Command operator watches StabilityContracts, takes reports in from pods, and acts on them within the budgets of the StabilityPolicy.
package main

import (
	"flag"
	"log/slog"
	"os"
	"time"

	"github.com/falsifiable/stability/operator/internal/run"
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/resource"
	ctrl "sigs.k8s.io/controller-runtime"
)

func main() {
	var o run.Options
	flag.StringVar(&o.Metrics, "metrics", ":8080", "where to serve metrics; 0 for nowhere")
	flag.StringVar(&o.Probes, "probes", ":8081", "where to serve /healthz and /readyz")
	flag.StringVar(&o.Intake, "intake", ":8443", "where to take reports in, over TLS")
	flag.StringVar(&o.Certificates, "certificates", "/var/run/stability/tls", "the folder of tls.crt and tls.key, read again when they change")
	flag.StringVar(&o.Alertmanager, "alertmanager", "", "the service account, as namespace/name, that may post alerts")
	flag.StringVar(&o.Namespace, "namespace", "", "the namespace of the lease by which one of several operators leads; defaults to the operator's own")
	flag.StringVar(&o.Trials, "trials", "", "the namespace in which Falsifications are tried; empty: they are not")
	flag.StringVar(&o.Evidence.Address, "evidence", "", "where to keep the evidence that pods send: file:///folder or s3://bucket?region=…; empty: none is taken")
	o.Evidence.Total.Quantity, o.Evidence.Namespace.Quantity = resource.MustParse("10Gi"), resource.MustParse("1Gi")
	flag.Var(&o.Evidence.Total, "evidence-total", "how much evidence is kept in all")
	flag.Var(&o.Evidence.Namespace, "evidence-namespace", "how much of one namespace, whose oldest makes room")
	flag.DurationVar(&o.Evidence.Keep, "evidence-keep", 30*24*time.Hour, "how long evidence is kept")
	flag.BoolVar(&o.Elect, "elect", true, "act only while holding the lease")
	flag.BoolVar(&o.Webhook, "webhook", true, "refuse contracts at admission that do not compile")
	flag.Parse()
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	ctrl.SetLogger(logr.FromSlogHandler(log.Handler()))
	config, err := ctrl.GetConfig()
	if err == nil {
		err = run.Run(ctrl.SetupSignalHandler(), config, o)
	}
	if err != nil {
		log.Error("operator: it ends", "error", err)
		os.Exit(1)
	}
}
