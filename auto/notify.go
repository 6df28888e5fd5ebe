package auto

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/response"
	"github.com/falsifiable/stability/response/alertmanager"
	"github.com/falsifiable/stability/response/dingtalk"
	"github.com/falsifiable/stability/response/feishu"
	"github.com/falsifiable/stability/response/slack"
	"github.com/falsifiable/stability/response/webhook"
)

// Notify says who is told when a check is violated for the second time in a row, and again at the third and when it ends. The
// zero value tells nobody. Addresses are secrets: no log and no error shows more of one than its host.
type Notify struct {
	Webhook, WebhookSecret   string // STABILITY_WEBHOOK_URL, STABILITY_WEBHOOK_SECRET
	Feishu, FeishuSecret     string // STABILITY_FEISHU_URL, STABILITY_FEISHU_SECRET
	DingTalk, DingTalkSecret string // STABILITY_DINGTALK_URL, STABILITY_DINGTALK_SECRET
	Slack                    string // STABILITY_SLACK_URL
	Alertmanager             string // STABILITY_ALERTMANAGER_URL
	// Chinese makes cards Chinese. STABILITY_LANGUAGE=zh.
	Chinese bool
	// Console is the address of the console as people reach it, such as https://pay.example/debug/stability/: a button on the cards leads
	// to the evidence in it, with its heap profile open. STABILITY_CONSOLE_URL. Defaults to none.
	Console string
}

// notifyStrike is the step of the ladder at which people are told.
const notifyStrike = 2

// environment are the variables that set a field of Notify, by name.
func (n *Notify) environment() map[string]*string {
	return map[string]*string{
		"STABILITY_WEBHOOK_URL": &n.Webhook, "STABILITY_WEBHOOK_SECRET": &n.WebhookSecret,
		"STABILITY_FEISHU_URL": &n.Feishu, "STABILITY_FEISHU_SECRET": &n.FeishuSecret,
		"STABILITY_DINGTALK_URL": &n.DingTalk, "STABILITY_DINGTALK_SECRET": &n.DingTalkSecret,
		"STABILITY_SLACK_URL": &n.Slack, "STABILITY_ALERTMANAGER_URL": &n.Alertmanager,
		"STABILITY_CONSOLE_URL": &n.Console,
	}
}

// link returns where a violation's evidence is to be seen, "" if nowhere.
func (n Notify) link(v stability.Violation) string {
	if n.Console == "" || v.Evidence == "" {
		return n.Console
	}
	return strings.TrimSuffix(n.Console, "/") + "/#" + url.PathEscape(filepath.Base(v.Evidence)) + "/heap.pb.gz"
}

// responses makes the responders, or says which address is wrong without showing it.
func (n Notify) responses(service string, explain func(cause string) string, history func(contract, check string) []stability.Point) (responses []stability.Response, err error) {
	instance, _ := os.Hostname() // without a name the card says none
	options := response.CardOptions{Service: service, Instance: instance, Explain: explain, History: history, Link: n.link}
	if n.Chinese {
		options.Language = response.Chinese
	}
	post := func(url string) response.Poster { return response.Poster{URL: url} }
	var errs []error
	if u, err := url.Parse(n.Console); n.Console != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		errs = append(errs, errors.New("notifying: the address of the console is not of the form https://host/debug/stability/"))
	}
	add := func(name, url string, make func() (stability.Responder, error)) {
		if url == "" {
			return
		}
		responder, err := make()
		if err != nil {
			errs = append(errs, fmt.Errorf("notifying %s: %w", name, err))
			return
		}
		responses = append(responses, stability.Response{Responder: responder, Strike: notifyStrike})
	}
	add("a webhook", n.Webhook, func() (stability.Responder, error) {
		return webhook.New(webhook.Config{Poster: post(n.Webhook), Secret: n.WebhookSecret, Service: service, Instance: instance})
	})
	add("Feishu", n.Feishu, func() (stability.Responder, error) {
		return feishu.New(feishu.Config{Poster: post(n.Feishu), Secret: n.FeishuSecret, CardOptions: options})
	})
	add("DingTalk", n.DingTalk, func() (stability.Responder, error) {
		return dingtalk.New(dingtalk.Config{Poster: post(n.DingTalk), Secret: n.DingTalkSecret, CardOptions: options})
	})
	add("Slack", n.Slack, func() (stability.Responder, error) {
		return slack.New(slack.Config{Poster: post(n.Slack), CardOptions: options})
	})
	add("Alertmanager", n.Alertmanager, func() (stability.Responder, error) {
		return alertmanager.New(alertmanager.Config{Poster: post(n.Alertmanager), Service: service, Instance: instance, Link: n.link})
	})
	return responses, errors.Join(errs...)
}
