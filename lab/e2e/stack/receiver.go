package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// receiver is the chat, and whoever is on call. What they are told of the check comes in words from the channels, once; the rest is
// dropped.
type receiver struct {
	url                           string
	server                        http.Server
	cards, ends, alerts, resolved chan string
}

func receive() (*receiver, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{url: "http://" + listener.Addr().String()}
	for _, c := range []*chan string{&r.cards, &r.ends, &r.alerts, &r.resolved} {
		*c = make(chan string, 1)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /chat", r.chat)
	mux.HandleFunc("POST /alerts", r.alert)
	r.server.Handler = mux
	go r.server.Serve(listener) // until close
	return r, nil
}

func (r *receiver) close() { r.server.Close() }

func tell(to chan string, text string) {
	select {
	case to <- text:
	default:
	}
}

type words struct{ Content string }

// chat takes an interactive card, as Feishu does.
func (r *receiver) chat(w http.ResponseWriter, request *http.Request) {
	var message struct {
		Card struct {
			Header struct {
				Template string
				Title    words
			}
			Elements []struct {
				Fields  []struct{ Text words }
				Actions []struct {
					Text words
					URL  string
				}
			}
		}
	}
	if err := json.NewDecoder(request.Body).Decode(&message); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprint(w, `{"code":0}`)
	card := message.Card
	var text strings.Builder
	fmt.Fprintf(&text, "a card in the chat\n\n    ▌ %s\n", card.Header.Title.Content)
	for _, e := range card.Elements {
		for _, f := range e.Fields {
			name, value, _ := strings.Cut(f.Text.Content, "\n")
			fmt.Fprintf(&text, "    ▌ %-14s %s\n", name, value)
		}
		for _, a := range e.Actions {
			fmt.Fprintf(&text, "    ▌ [%s] %s\n", a.Text.Content, a.URL)
		}
	}
	if !strings.Contains(text.String(), " "+contract+"/"+check+"\n") {
		return
	}
	if card.Header.Template == "green" {
		tell(r.ends, text.String())
		return
	}
	tell(r.cards, text.String())
}

// alert takes what Alertmanager sends to a webhook. Only what Prometheus found by its rules is told: the service's own alerts, which it
// sends to Alertmanager directly, come at the time of the card.
func (r *receiver) alert(_ http.ResponseWriter, request *http.Request) {
	var message struct {
		Alerts []struct {
			Status              string
			Labels, Annotations map[string]string
		}
	}
	if json.NewDecoder(request.Body).Decode(&message) != nil {
		return
	}
	for _, a := range message.Alerts {
		if a.Labels["job"] == "" || a.Labels["contract"] != contract || a.Labels["check"] != check {
			continue
		}
		text := fmt.Sprintf("an alert by Prometheus' rules, %s\n\n    ▌ %s, severity %s\n    ▌ %s\n", a.Status, a.Labels["alertname"], a.Labels["severity"], a.Annotations["summary"])
		if a.Status == "resolved" {
			tell(r.resolved, text)
			continue
		}
		tell(r.alerts, text)
	}
}
